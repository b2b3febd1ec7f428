def handler(event: object, context: object) -> str:
    return "changed"

"""What a function's deployment package weighs, and why it starts slowly."""

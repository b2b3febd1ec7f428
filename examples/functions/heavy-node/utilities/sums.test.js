const { total } = require("./sums");

test("a total is the sum of its lines", () => expect(total([{ cents: 10, quantity: 3 }])).toBe(30));

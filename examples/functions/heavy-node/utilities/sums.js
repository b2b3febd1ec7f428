const _ = require("lodash");

exports.total = (lines) => _.sumBy(lines, ({ cents, quantity }) => cents * quantity);

// All utilities.
module.exports = { ...require("./calls"), ...require("./dates"), ...require("./sums") };

const moment = require("moment-timezone");

exports.today = (zone) => moment().tz(zone).format("YYYY-MM-DD");

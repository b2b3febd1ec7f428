const axios = require("axios");

exports.fetch = async (url) => (await axios.get(url, { timeout: 5000 })).data;

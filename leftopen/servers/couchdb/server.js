// A PouchDB Server on one address, its databases in memory: node server.js ADDRESS PORT FOLDER
"use strict";

const [address, port, folder] = process.argv.slice(2);
const PouchDB = require("pouchdb");
const express = require("express");

PouchDB.plugin(require("pouchdb-adapter-memory"));
const app = express();
app.use(
  require("express-pouchdb")(PouchDB.defaults({ adapter: "memory" }), {
    configPath: `${folder}/config.json`,
    logPath: `${folder}/requests.log`,
    overrideMode: { exclude: ["routes/fauxton"] },
  })
);
app.listen(Number(port), address);

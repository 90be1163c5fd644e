// nodemailer as its guide shows it, with its pool where there are several messages. Told by BENCH_… what to send.
"use strict";
const fs = require("fs");
const path = require("path");
const nodemailer = require("nodemailer");

const told = process.env;
const count = Number(told.BENCH_COUNT);
const implicit = told.BENCH_SECURITY === "implicit";
const options = {
  host: "localhost",
  port: Number(told.BENCH_PORT),
  secure: implicit,
  requireTLS: !implicit,
  auth: { user: told.BENCH_USER, pass: told.BENCH_SECRET },
  tls: { ca: fs.readFileSync(told.BENCH_CA) },
};
if (count > 1) Object.assign(options, { pool: true, maxConnections: Number(told.BENCH_CONNECTIONS), maxMessages: Infinity });
const transport = nodemailer.createTransport(options);
const message = { from: told.BENCH_USER, to: told.BENCH_TO, subject: told.BENCH_SUBJECT, text: told.BENCH_BODY };
const file = told.BENCH_ATTACHMENT;
if (file) message.attachments = [{ filename: path.basename(file), path: file }];

Promise.all(Array.from({ length: count }, () => transport.sendMail({ ...message })))
  .then(() => transport.close())
  .catch((error) => {
    console.error(error.message);
    process.exit(1);
  });

"""What one writes first: email and smtplib, one step after another. Told by BENCH_… what to send."""

import os
import smtplib
import ssl
from email.message import EmailMessage
from pathlib import Path

told = os.environ
context = ssl.create_default_context(cafile=told["BENCH_CA"])
port = int(told["BENCH_PORT"])
if told["BENCH_SECURITY"] == "implicit":
    session = smtplib.SMTP_SSL("localhost", port, context=context)
else:
    session = smtplib.SMTP("localhost", port)
    session.starttls(context=context)
with session:
    session.login(told["BENCH_USER"], told["BENCH_SECRET"])
    for _ in range(int(told["BENCH_COUNT"])):
        message = EmailMessage()
        message["From"], message["To"] = told["BENCH_USER"], told["BENCH_TO"]
        message["Subject"] = told["BENCH_SUBJECT"]
        message.set_content(told["BENCH_BODY"])
        if told["BENCH_ATTACHMENT"]:
            path = Path(told["BENCH_ATTACHMENT"])
            message.add_attachment(
                path.read_bytes(), maintype="application", subtype="octet-stream", filename=path.name
            )
        session.send_message(message)

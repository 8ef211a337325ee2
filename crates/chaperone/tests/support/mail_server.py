"""A real mail server (aiosmtpd) for the tests: it says in lines of JSON what happens, and some addresses make it awkward.

refused@... is refused for good, busy@... for now, and for slow@... it waits until a line comes on standard input.
"""

import argparse
import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


def say(**what):
    print(json.dumps(what), flush=True)


class Handler:
    def __init__(self, lines):
        self.lines = lines

    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.partition("@")[0]
        if name == "refused":
            say(refused=address)
            return "550 5.1.1 nobody of that name lives here"
        if name == "busy":
            say(busy=address)
            return "451 4.3.0 later, please"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if envelope.rcpt_tos[0].startswith("slow@"):
            say(held=envelope.rcpt_tos[0])
            await self.lines.get()
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        lines = [f"{name}: {value}" for name, value in mail.items()] + ["", mail.get_content()]
        tls = server.transport.get_extra_info("sslcontext") is not None
        say(sender=envelope.mail_from, to=envelope.rcpt_tos[0], text="\n".join(lines), tls=tls)
        return "250 taken"


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--security", choices=["none", "starttls", "tls"], default="none")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--password", help="of the user chaperone; nobody else may send")
    arguments = parser.parse_args()

    context = None
    if arguments.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.certificate, arguments.key)

    def authenticate(server, session, envelope, mechanism, data):
        right = data.login == b"chaperone" and data.password == (arguments.password or "").encode()
        return AuthResult(success=right, handled=False)

    lines = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read():
        if sys.stdin.readline() == "":
            loop.stop()
        lines.put_nowait(None)

    loop.add_reader(sys.stdin, read)

    def connection():
        options = {"hostname": "mail.localhost", "enable_SMTPUTF8": True}
        if arguments.security == "starttls":
            options.update(tls_context=context, require_starttls=True)
        if arguments.password:
            options.update(authenticator=authenticate, auth_required=True, auth_require_tls=arguments.security == "starttls")
        return SMTP(Handler(lines), **options)

    wrapped = context if arguments.security == "tls" else None
    server = await loop.create_server(connection, "127.0.0.1", arguments.port, ssl=wrapped)
    say(port=server.sockets[0].getsockname()[1])
    await server.serve_forever()


try:
    asyncio.run(main())
except (KeyboardInterrupt, RuntimeError):
    pass

# SPDX-License-Identifier: BSD-2-Clause
"""servers: in dom0, web servers for fetch. servers.py ADDRESS DIRECTORY: their ports are in DIRECTORY/ports, one line
`NAME PORT` each: plain, good, expired."""
import http.server
import os
import ssl
import sys
import threading

address, directory = sys.argv[1:]
ports = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body, *fields):
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def do_GET(self):
        secure = f"https://server.test:{ports['good']}"
        if self.path == "/text":
            self.reply(200, b"the text\n", ("Content-Length", "9"))
        elif self.path == "/to-text":
            self.reply(302, b"", ("Location", "text"), ("Content-Length", "0"))
        elif self.path == "/to-tls":
            self.reply(301, b"", ("Location", secure + "/dir/../to-text"), ("Content-Length", "0"))
        elif self.path == "/dir/../to-text":
            self.reply(302, b"", ("Location", "/chunked?#part"), ("Content-Length", "0"))
        elif self.path == "/chunked?":
            self.reply(200, b"4;x=y\r\nthe \r\n5\r\ntext\n\r\n0\r\nTrailer: x\r\n\r\n", ("Transfer-Encoding", "chunked"))
        elif self.path == "/cut":
            self.reply(200, b"4\r\nth", ("Transfer-Encoding", "chunked"))
        elif self.path == "/to-plain":
            self.reply(302, b"", ("Location", f"http://server.test:{ports['plain']}/text"), ("Content-Length", "0"))
        elif self.path == "/round":
            self.reply(302, b"", ("Location", "/round"), ("Content-Length", "0"))
        else:
            self.reply(404, b"none\n", ("Content-Length", "5"))




def serve(name, certificate=None, server_class=http.server.ThreadingHTTPServer, host=address):
    server = server_class((host, 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{directory}/{certificate}.pem", f"{directory}/{certificate}.key")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    ports[name] = server.server_address[1]
    threading.Thread(target=server.serve_forever).start()


serve("plain")
serve("good", "good")
serve("expired", "expired")
with open(directory + "/ports.new", "w") as out:
    out.writelines(f"{name} {port}\n" for name, port in ports.items())
os.rename(directory + "/ports.new", directory + "/ports")

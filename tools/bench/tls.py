# SPDX-License-Identifier: BSD-2-Clause
"""tls: in dom0, `bench tls HANDSHAKES-A-SECOND` of a server: tls.py ADDRESS COUNT. Each is a new connection
and a whole handshake of TLS 1.2 with keys of P-256; nothing is resumed."""
import socket
import ssl
import sys
import time

address, count = sys.argv[1], int(sys.argv[2])
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
context.maximum_version = ssl.TLSVersion.TLSv1_2
context.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
context.set_ecdh_curve("prime256v1")
context.options |= ssl.OP_NO_TICKET


def connect():
    with socket.create_connection((address, 443), timeout=60) as tcp, context.wrap_socket(tcp):
        pass


for _ in range(5):
    connect()
begin = time.monotonic()
for _ in range(count):
    connect()
print("bench tls %.1f" % (count / (time.monotonic() - begin)))

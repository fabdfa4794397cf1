# SPDX-License-Identifier: BSD-2-Clause
# make run APP=echo: the guest's port 7 is this machine's 7007.
echo_RUN_FLAGS := --forward tcp:127.0.0.1:7007-10.0.2.20:7 --forward udp:127.0.0.1:7007-10.0.2.20:7

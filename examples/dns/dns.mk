# SPDX-License-Identifier: BSD-2-Clause
# make run APP=dns: the guest's port 53 is this machine's 5353.
dns_RUN_FLAGS := --forward udp:127.0.0.1:5353-10.0.2.20:53 --forward tcp:127.0.0.1:5353-10.0.2.20:53

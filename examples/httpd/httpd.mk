# SPDX-License-Identifier: BSD-2-Clause
# make run APP=httpd: the guest's port 80 is this machine's 8080.
httpd_RUN_FLAGS := --forward tcp:127.0.0.1:8080-10.0.2.20:80

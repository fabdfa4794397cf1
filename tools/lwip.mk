# SPDX-License-Identifier: BSD-2-Clause
# The network, beside lib/posix: our own modules, and
# lwIP's core from Debian's source with our patches, built out of tree: for the guest here, for tests by
# test/host/host.mk. How it is configured: lib/net/lwip/lwipopts.h.

K_C += lib/base/siphash.c $(patsubst %,core/%.c,pollhead netdev) \
	$(patsubst %,lib/net/%.c,stack capture report checksum address interface interface_send unreachable conflict config dhcp6 dhcp6_message socket tcp_socket \
	tcp_options datagram_socket resolve) \
	$(patsubst %,drivers/%.c,netfront netfront_setup netfront_receive netfront_send)
# What runs for each packet, or each call of a program's.
HOT += $(patsubst %,lib/net/%,stack interface interface_send checksum address socket tcp_socket datagram_socket) \
	drivers/netfront_receive drivers/netfront_send core/netdev core/pollhead lib/posix/socket lib/posix/socket_file \
	lib/posix/socket_io lib/posix/socket_inet lib/posix/epoll

LWIP := $(B)/src/lwip
LWIP_PATCHES := $(sort $(wildcard tools/lwip/*.patch))
LWIP_C := $(patsubst %,src/core/%.c,def dns inet_chksum init ip mem memp netif pbuf raw stats tcp tcp_in \
	tcp_out udp) \
	$(patsubst %,src/core/ipv4/%.c,autoip dhcp etharp icmp igmp ip4 ip4_addr ip4_frag) \
	$(patsubst %,src/core/ipv6/%.c,ethip6 icmp6 inet6 ip6 ip6_addr ip6_frag mld6 nd6) \
	src/netif/ethernet.c
LWIP_OBJ := $(patsubst src/%.c,$(B)/kernel/lwip/%.o,$(LWIP_C))
# Named here because compilers leave headers of -isystem out of dependencies.
LWIP_HEADERS := lib/net/lwip/lwipopts.h lib/net/lwip/hooks.h lib/net/lwip/arch/cc.h
LWIP_INCLUDE := -isystem $(LWIP)/src/include -isystem lib/net/lwip

$(LWIP).stamp: tools/sources.lock tools/fetch $(LWIP_PATCHES)
	@B=$(B) tools/fetch --unpack lwip $(LWIP)
	@find $(LWIP)/src -name "*.[ch]" -exec sed -i "s/\r$$//" {} +
	@for p in $(abspath $(LWIP_PATCHES)); do patch -s -d $(LWIP) -p1 <$$p || exit 1; done
	@touch $@

# It is taken away while it is unpacked anew: who looks for a file of it then waits.
$(LWIP)/%: | $(LWIP).stamp ;

$(B)/kernel/lwip/%.o: tools/lwip.mk tools/kernel.mk $(LWIP_HEADERS) $(LWIP).stamp $(SYSROOT_STAMP) | $(SYSROOT)/.headers
	$(call say,CC,lwip/$*.c)
	@mkdir -p $(@D)
	$(Q)$(KCC) $(LWIP_OPT) -w $(P_CFLAGS) $(LWIP_INCLUDE) -c $(LWIP)/src/$*.c -o $@
LWIP_OPT := -Os
# What runs for each packet.
$(patsubst %,$(B)/kernel/lwip/core/%.o,pbuf mem memp netif def ip tcp tcp_in tcp_out udp ipv4/ip4 ipv4/ip4_addr ipv4/etharp ipv6/ip6 ipv6/ethip6 inet_chksum) $(B)/kernel/lwip/netif/ethernet.o: \
	LWIP_OPT := -O2 -fno-align-functions -fno-align-loops -fno-align-jumps -fno-align-labels

$(B)/kernel/lib/net/%.o: K_CFLAGS += $(LWIP_INCLUDE)
$(patsubst %.c,$(B)/kernel/%.o,$(wildcard lib/net/*.c)): $(LWIP).stamp $(LWIP_HEADERS)

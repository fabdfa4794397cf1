# SPDX-License-Identifier: BSD-2-Clause
# The network, beside lib/posix: our own modules, and
# lwIP's core from Debian's source with our patches, built out of tree: for the guest here, for tests by
# test/host/host.mk. How it is configured: lib/net/lwip/lwipopts.h.

K_C += lib/base/siphash.c $(patsubst %,core/%.c,pollhead netdev) \
	$(patsubst %,lib/net/%.c,stack capture report checksum address interface interface_send unreachable conflict config socket tcp_socket \
	tcp_options datagram_socket resolve) \
	$(patsubst %,drivers/%.c,netfront netfront_setup netfront_receive netfront_send)
$(B)/kernel/lib/net/checksum.o: K_OPT := -O2

LWIP := $(B)/src/lwip
LWIP_PATCHES := $(sort $(wildcard tools/lwip/*.patch))
LWIP_C := $(patsubst %,src/core/%.c,def dns inet_chksum init ip mem memp netif pbuf raw stats tcp tcp_in \
	tcp_out udp) \
	$(patsubst %,src/core/ipv4/%.c,autoip dhcp etharp icmp igmp ip4 ip4_addr ip4_frag) \
	$(patsubst %,src/core/ipv6/%.c,ethip6 icmp6 inet6 ip6 ip6_addr ip6_frag mld6 nd6) \
	src/netif/ethernet.c
LWIP_OBJ := $(patsubst src/%.c,$(B)/kernel/lwip/%.o,$(LWIP_C))
LWIP_INCLUDE := -isystem $(LWIP)/src/include -isystem lib/net/lwip

$(LWIP).stamp: tools/sources.lock tools/fetch $(LWIP_PATCHES)
	@B=$(B) tools/fetch --unpack lwip $(LWIP)
	@find $(LWIP)/src -name "*.[ch]" -exec sed -i "s/\r$$//" {} +
	@for p in $(abspath $(LWIP_PATCHES)); do patch -s -d $(LWIP) -p1 <$$p || exit 1; done
	@touch $@

$(B)/kernel/lwip/%.o: tools/lwip.mk tools/kernel.mk lib/net/lwip/lwipopts.h lib/net/lwip/arch/cc.h \
		lib/net/lwip/hooks.h $(LWIP).stamp $(SYSROOT_STAMP) | $(SYSROOT)/.headers
	$(call say,CC,lwip/$*.c)
	@mkdir -p $(@D)
	$(Q)$(KCC) $(LWIP_OPT) -w $(P_CFLAGS) $(LWIP_INCLUDE) -c $(LWIP)/src/$*.c -o $@
LWIP_OPT := -Os
# What runs for each packet.
$(patsubst %,$(B)/kernel/lwip/core/%.o,pbuf tcp tcp_in tcp_out ipv4/ip4 ipv6/ip6 inet_chksum): LWIP_OPT := -O2

$(B)/kernel/lib/net/%.o: K_CFLAGS += $(LWIP_INCLUDE)
$(patsubst %.c,$(B)/kernel/%.o,$(wildcard lib/net/*.c)): $(LWIP).stamp

# SPDX-License-Identifier: BSD-2-Clause
"""Bugs of the network for test/host/mutants, which says what a line is."""


def of(lwip):
    """lwip: where its sources are, with our patches."""
    return [
        # The stack: what our patches mend, and connections that outlive a carrier.
        (lwip + "core/tcp_out.c", "if ((s32_t)used < 0) {", "if (0) {", "lib/net/test_stack"),
        (lwip + "core/tcp_out.c", "TCPH_FLAGS_SET(useg->tcphdr, split_flags);", "TCPH_SET_FLAG(useg->tcphdr, split_flags);",
         "lib/net/test_stack"),
        (lwip + "core/tcp.c", "u8_t backoff_idx = LWIP_MIN(pcb->nrtx,", "u8_t backoff_idx = LWIP_MIN(0,", "lib/net/test_carrier"),
        (lwip + "core/ipv4/dhcp.c", "      dhcp_set_state(dhcp, DHCP_STATE_BOUND);\n    }\n  }", "      dhcp_discover(netif);\n    }\n  }",
         "lib/net/test_config"),
        ("lib/net/interface.c", "\tif (!interface->carrier)\n\t\treturn;\n\tnetif_set_link_down(&interface->netif);",
         "\tnetif_set_link_down(&interface->netif);\n\tif (!interface->carrier)\n\t\treturn;", "lib/net/test_carrier"),
        ("lib/net/interface.c", "\tnetif_set_link_down(&interface->netif);\n\tnetif_set_link_up(", "\tnetif_set_link_up(", "lib/net/test_carrier"),
        ("lib/net/interface.c", "pcb->mss = tcp_eff_send_mss_netif(", "(void)tcp_eff_send_mss_netif(", "lib/net/test_carrier"),
        ("lib/net/interface.c", "info->running = interface->carrier;", "", "lib/net/test_carrier"),
        ("lib/net/dhcp6.c", " &&\n\t\t     heard->transaction == dhcp6->transaction", "", "lib/net/test_dhcp6"),
        ("lib/net/dhcp6.c", "heard->preference <= dhcp6->preference", "0", "lib/net/test_dhcp6"),
        ("lib/net/dhcp6.c", "dhcp6->state == RENEW && now_ns >= dhcp6->rebind_ns", "0", "lib/net/test_dhcp6"),
        ("lib/net/dhcp6.c", "dhcp6->due_ns += REFUSED_NS;", "", "lib/net/test_dhcp6"),
        ("lib/net/dhcp6.c", "refresh_s < REFRESH_MIN_S ? REFRESH_MIN_S : refresh_s", "REFRESH_S", "lib/net/test_dhcp6"),
        ("lib/net/dhcp6.c", "\theap_free(interface->dhcp6);\n", "", "lib/net/test_dhcp6"),
        ("lib/net/dhcp6.c", "\t\tbegin(dhcp6, DECLINE);\n", "", "lib/net/test_dhcp6"),
        ("lib/net/dhcp6.c", "\t\tbegin(dhcp6, CONFIRM);\n", "\t\t;\n", "lib/net/test_dhcp6"),
        ("lib/net/dhcp6.c", "dhcp6->state != SOLICIT || heard->committed", "dhcp6->state != SOLICIT", "lib/net/test_dhcp6"),
        ("lib/net/dhcp6_message.c", "left < OPTION_BYTES || get16(cursor->at + 2) > left - OPTION_BYTES", "left < OPTION_BYTES",
         "lib/net/test_dhcp6"),
        ("lib/net/dhcp6_message.c", "outer->bytes_count < own_bytes", "0", "lib/net/test_dhcp6"),
        ("lib/net/dhcp6_message.c", " || cursor->bytes_count > DHCP6_SERVER_MAX", "", "lib/net/test_dhcp6"),
        ("lib/net/dhcp6_message.c", " && heard->dns_count < DHCP6_DNS_MAX", "", "lib/net/test_dhcp6"),
        ("lib/net/dhcp6_message.c", "|| preferred_s > valid_s", "", "lib/net/test_dhcp6"),
        ("lib/net/dhcp6_message.c", "outer->at[0] == 0xff ||", "", "lib/net/test_dhcp6"),
        ("lib/net/dhcp6_message.c", "!ours || !heard_out->server", "!heard_out->server", "lib/net/test_dhcp6"),
        # xenbus: what is news while it is connected.
        ("drivers/xenbus.c", "\tif (inner->news_watching)\n\t\txenstore_watch_remove(&inner->news_watch);\n", "", "drivers/test_xenbus"),
        ("drivers/xenbus.c", "scan->driver->front_news &&", "0 &&", "drivers/test_xenbus"),
        ("drivers/xenbus_state.c", "if (inner->phase == XENBUS_CONNECTED && device->driver->front_news)", "if (0)", "drivers/test_xenbus"),
        ("drivers/xenbus_state.c", "\t\txenbus_read_news(inner);\n\t\treturn true;", "\t\treturn true;", "drivers/test_xenbus"),
        ("drivers/netfront_receive.c", "crowded && queue->rx_pages_count < queue->rx_pages_max", "0", "drivers/test_netfront_pages"),
        ("drivers/netfront_receive.c", "crowded && queue->rx", "queue->rx", "drivers/test_netfront_pages"),
        ("drivers/netfront_setup.c", "pages > 0 && queue->rx_pages_count < queue->rx_pages_max", "pages > 0", "drivers/test_netfront_pages"),
        ("drivers/netfront_setup.c", "mtu > max ? max : ", "", "drivers/test_netfront"),
        ("drivers/netfront_setup.c", " || mtu < NETDEV_MTU_MIN", "", "drivers/test_netfront"),
        ("drivers/netfront.c", "\tnetfront_read_features(front);\n\tWRITE_ONCE(front->dev.carrier, netfront_has_link(front));\n\tif (front->registered)",
         "\tnetfront_read_features(front);\n\tif (front->registered)", "drivers/test_netfront"),
    ]

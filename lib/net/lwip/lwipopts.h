/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How lwIP is configured: its core alone, driven by lib/net under one lock (docs/adr/0010), without
 * its own threads, sockets and timers.
 */
#ifndef LIB_NET_LWIP_LWIPOPTS_H
#define LIB_NET_LWIP_LWIPOPTS_H

/* lib/net calls it under net_lock, with timers of its own (stack.c). */
#define NO_SYS               1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_TIMERS          1
#define LWIP_TIMERS_CUSTOM   1
#define LWIP_NETCONN         0
#define LWIP_SOCKET          0

/* Memory: the kernel's heap, bounded in stack.c. */
#define MEM_ALIGNMENT            16
#define MEM_LIBC_MALLOC          1
#define MEMP_MEM_MALLOC          1
#define MEM_SIZE                 0x7fffffff
#define mem_clib_malloc          net_mem_alloc
#define mem_clib_calloc          net_mem_calloc
#define mem_clib_free            net_mem_free
#define MEMP_NUM_TCP_SEG         0xffff
#define LWIP_SUPPORT_CUSTOM_PBUF 1
#define PBUF_POOL_BUFSIZE        1536
/* Ethernet, and what the driver needs. */
#define ETH_PAD_SIZE 0

#define LWIP_IPV4                   1
#define LWIP_IPV6                   1
#define LWIP_ICMP                   1
#define LWIP_ICMP6                  1
#define LWIP_RAW                    1
#define LWIP_UDP                    1
#define LWIP_TCP                    1
#define LWIP_ARP                    1
#define LWIP_IGMP                   1
#define LWIP_IPV6_MLD               1
#define LWIP_DHCP                   1
#define LWIP_AUTOIP                 1
#define LWIP_DHCP_AUTOIP_COOP       1
#define LWIP_DHCP_AUTOIP_COOP_TRIES 4
#define DHCP_DOES_ARP_CHECK         1
#define LWIP_DHCP_MAX_DNS_SERVERS   2
/* Leases are counted in these; the longest is renewed after 45 hours at the latest. */
#define DHCP_COARSE_TIMER_SECS         5
#define LWIP_DNS                       1
#define DNS_MAX_SERVERS                2
#define DNS_TABLE_SIZE                 16
#define DNS_MAX_REQUESTS               16
#define DNS_MAX_NAME_LENGTH            254
#define LWIP_IPV6_AUTOCONFIG           1
#define LWIP_IPV6_DHCP6                1 /* lib/net/dhcp6.c, not lwIP's */
#define LWIP_IPV6_DUP_DETECT_ATTEMPTS  1
#define LWIP_IPV6_SEND_ROUTER_SOLICIT  1
#define LWIP_IPV6_NUM_ADDRESSES        4
#define LWIP_ND6_RDNSS_MAX_DNS_SERVERS 2
#define LWIP_ND6_NUM_NEIGHBORS         64
#define LWIP_ND6_NUM_DESTINATIONS      64
#define LWIP_ND6_QUEUEING              1
#define MEMP_NUM_ND6_QUEUE             64
#define ARP_TABLE_SIZE                 127
#define ARP_QUEUEING                   1
#define ARP_QUEUE_LEN                  16
#define ETHARP_SUPPORT_STATIC_ENTRIES  0
#define ETHARP_TABLE_MATCH_NETIF       1
#define IP_FORWARD                     0
#define IP_REASSEMBLY                  1
#define IP_FRAG                        1
#define IP_REASS_MAX_PBUFS             64
#define MEMP_NUM_REASSDATA             16
#define LWIP_IPV6_REASS                1
#define LWIP_IPV6_FRAG                 1
#define IPV6_FRAG_COPYHEADER           1
#define IP_SOF_BROADCAST               1
#define IP_SOF_BROADCAST_RECV          0
#define LWIP_MULTICAST_TX_OPTIONS      1
#define LWIP_MULTICAST_PING            0
#define LWIP_BROADCAST_PING            0
#define SO_REUSE                       1
#define SO_REUSE_RXTOALL               1
#define LWIP_NETBUF_RECVINFO           1
#define IP_DEFAULT_TTL                 64

/* TCP, for long fat pipes and many connections. */
#define TCP_MSS                    1460
#define TCP_CALCULATE_EFF_SEND_MSS 1
#define LWIP_WND_SCALE             1
#define TCP_RCV_SCALE              4
#define TCP_WND                    (512 * 1024)
#define TCP_SND_BUF                (256 * 1024)
#define TCP_SND_QUEUELEN           1024
#define TCP_SNDLOWAT               16384
#define TCP_SNDQUEUELOWAT          64
#define TCP_OVERSIZE               TCP_MSS
#define TCP_QUEUE_OOSEQ            1
#define TCP_OOSEQ_MAX_BYTES        TCP_WND
#define LWIP_TCP_SACK_OUT          1
#define LWIP_TCP_MAX_SACK_NUM      4
#define LWIP_TCP_TIMESTAMPS        0
#define LWIP_TCP_KEEPALIVE         1
#define TCP_LISTEN_BACKLOG         1
#define TCP_DEFAULT_LISTEN_BACKLOG 128
#define TCP_HALF_OPEN_MAX          1024 /* of each listener: tools/lwip/half-open.patch */
#define TCP_WND_UPDATE_THRESHOLD   (TCP_WND / 8)
#define LWIP_TCP_PCB_NUM_EXT_ARGS  0
#define TCP_MSL                    30000
#define TCP_MAXRTX                 12
#define TCP_SYNMAXRTX              7 /* with the doubling pauses between them: two minutes */
/* A tick of 50 ms for delayed acknowledgements, of 100 ms for time-outs: after a loss that nothing
 * shows a segment is sent again after 0.3 s (three ticks) on a fast network. */
#define TCP_TMR_INTERVAL  50
#define LWIP_TCP_RTO_TIME 1000 /* before anything was measured: RFC 6298 */

/* Interfaces. Checksums: who computes them is decided for each packet, see netif_dev.c. */
#define LWIP_NETIF_LOOPBACK            1
#define LWIP_HAVE_LOOPIF               1
#define LWIP_LOOPIF_MULTICAST          1
#define LWIP_LOOPBACK_MAX_PBUFS        0
#define LWIP_NETIF_HOSTNAME            1
#define LWIP_NETIF_STATUS_CALLBACK     1
#define LWIP_NETIF_LINK_CALLBACK       1
#define LWIP_NETIF_EXT_STATUS_CALLBACK 1
#define LWIP_CHECKSUM_CTRL_PER_NETIF   1
#define LWIP_CHECKSUM_ON_COPY          0

/* RFC 6528. */
#define LWIP_HOOK_FILENAME "lib/net/lwip/hooks.h"

#define LWIP_STATS         1
#define LWIP_STATS_LARGE   1
#define LWIP_STATS_DISPLAY 0
#define MEM_STATS          0
#define MEMP_STATS         0
#define SYS_STATS          0

#endif

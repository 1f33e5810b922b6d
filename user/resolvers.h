/* SPDX-License-Identifier: Apache-2.0 */
/* What the compiler asks this host. */
#ifndef KNTRL_RESOLVERS_H
#define KNTRL_RESOLVERS_H

#include "policy.h"

/*
 * Appends the DNS servers this host is configured with: those of
 * /etc/resolv.conf (resolv.conf(5)) and those that systemd-resolved asks.
 */
void resolvers_read(struct addr_list *list);

/* The search domains of resolv.conf(5), up to SEARCH_MAX; returns how many. */
#define SEARCH_MAX	16
#define SEARCH_LEN	254
size_t resolvers_search(char domains[SEARCH_MAX][SEARCH_LEN]);

/* Whether the address is one of this host's, in this network namespace. */
bool address_is_ours(const uint8_t addr[16]);

/*
 * Why somebody other than root could put another program at @path: the file or
 * a directory above it is theirs to write.  NULL when nobody can.  Static text.
 */
const char *path_weakness(const char *path);

#endif

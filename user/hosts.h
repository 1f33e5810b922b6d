/* SPDX-License-Identifier: Apache-2.0 */
/* Host names as the tables have them; see kern/names.h. */
#ifndef KNTRL_HOSTS_H
#define KNTRL_HOSTS_H

#include <stdbool.h>

#include "abi.h"

/*
 * The key under which @name is looked up, whatever its case and a dot at its
 * end.  False: no rule can be about such a name.
 */
bool host_key_make(struct host_key *key, const char *name);

/* The hash of the name that a key is of. */
__u64 host_key_hash(const __u64 seed[2], const struct host_key *key);

/* The name that a key is of, in the usual order. */
void host_key_name(const struct host_key *key, char name[HOST_KEY]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Where in a policy a verdict comes from, as text. */
#ifndef KNTRL_RULE_H
#define KNTRL_RULE_H

#include <stddef.h>

#include "abi.h"

#define RULE_TEXT	256	/* enough for any rule and the name of its file */

/*
 * Writes the place in the YAML that @r stands for ("rules.network.allowed_ips[3]"),
 * or a word for what is built in ("loopback").  When there is more than one
 * source, the one an entry was written in goes before it: "team.yaml: ...".
 * @sources may be NULL.
 */
void rule_text(char *buf, size_t n, const struct rule_ref *r, const char *const *sources,
	       size_t nsources);

#endif

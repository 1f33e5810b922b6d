/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* What a parser of a client's first bytes says after each of them. */
#ifndef KNTRL_PARSE_H
#define KNTRL_PARSE_H

enum parse {
	PARSE_MORE,		/* not decided yet */
	PARSE_NAME,		/* a whole hello or request; its name is to be judged */
	PARSE_PLAIN,		/* neither TLS nor HTTP: decided by the address's names */
	PARSE_DATA,		/* part of a request that was judged */
	PARSE_BAD,		/* cannot be decided */
};

#endif

/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
#ifndef JUDGE_RUN_H
#define JUDGE_RUN_H

#include "abi.h"
#include "target.h"

/* One question to judge(), and its answer. */
struct run {
	struct identity id;
	struct target to;
	struct facts facts;
	__u32 known;		/* else judge() gets no identity */
	__u32 verdict;		/* VERDICT_* */
	struct rule_ref rule;
};

#endif

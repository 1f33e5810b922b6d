/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNTRL_SELFCHECK_H
#define KNTRL_SELFCHECK_H

#include "engine.h"

/*
 * Proves that the hooks are called and decide: a child under a policy of its
 * own tries what that policy allows and what it denies.  Nothing is sent.
 * Returns 0, or -1 after saying which hook did not do its work.
 */
int selfcheck(struct engine *e);

#endif

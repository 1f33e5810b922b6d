/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNTRL_PRELOAD_H
#define KNTRL_PRELOAD_H

#include "compile.h"
#include "engine.h"

/*
 * Streams that this network namespace's sockets had established before the
 * load.  To keep them is to mark them as vetted, so that even those that NAT
 * rewrites go on.  Returns their number, or -1 with a message.
 */
int preload_keep(struct engine *e);

/*
 * Cuts those that this host opened and that @t forbids to a process of which
 * nothing is known.  Returns their number, or -1 with a message.
 */
int preload_cut(const struct tables *t);

/*
 * Likewise, but only those that @t forbids to every process, and not to an address
 * that has a name: their packets are dropped in any case, and this tells both ends.
 */
int preload_cut_forbidden(struct engine *e, const struct tables *t);

#endif

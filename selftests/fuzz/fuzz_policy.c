// SPDX-License-Identifier: Apache-2.0
/* libFuzzer: any bytes as a policy, read twice so that merging runs as well. */
#include <stdlib.h>
#include <string.h>

#include "policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct policy_src p;
	char *messages, *c;
	size_t size;
	FILE *err = open_memstream(&messages, &size);
	int first, again;

	policy_init(&p);
	first = policy_read_buffer(&p, "p.yaml", data, len, err);
	again = policy_read_buffer(&p, "p.yaml", data, len, err);
	fclose(err);
	if (first != again || !first != !size)
		abort();
	for (c = messages; *c; c++)
		if ((unsigned char)*c < ' ' && *c != '\n')
			abort();
	free(messages);
	policy_free(&p);
	return 0;
}

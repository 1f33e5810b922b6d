// SPDX-License-Identifier: Apache-2.0
/* libFuzzer: any bytes as rules: read, checked, and each test and the rule x run. */
#include <stdlib.h>
#include <string.h>

#include "rego/rego.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void told(const struct rego_result *result, void *tests)
{
	if (result->outcome == REGO_ERROR && !result->why[0])
		abort();
	++*(int *)tests;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char input[] = "{\"task_name\":\"curl\",\"dport\":443,\"ancestors\":[\"npm\"]}";
	char *messages, *c;
	size_t size;
	FILE *err = open_memstream(&messages, &size);
	struct rego *r = rego_new();
	int errors, tests = 0;

	errors = rego_add(r, "t.rego", data, len, err) || rego_check(r, err);
	fflush(err);
	if (!errors != !size)
		abort();
	if (!errors) {
		rego_test(r, told, &tests);
		free(rego_value(r, "data.t.x", input, err));
	}
	fclose(err);
	for (c = messages; *c; c++)
		if ((unsigned char)*c < ' ' && *c != '\n')
			abort();
	free(messages);
	rego_free(r);
	return 0;
}

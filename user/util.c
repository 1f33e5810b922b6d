// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "util.h"

static void *checked(void *p)
{
	if (p)
		return p;
	fputs("kntrl: out of memory\n", stderr);
	abort();
}

void *xmalloc(size_t size)
{
	return checked(malloc(size ? size : 1));
}

void *xcalloc(size_t n, size_t size)
{
	return checked(calloc(n ? n : 1, size ? size : 1));
}

void *xreallocarray(void *p, size_t n, size_t size)
{
	return checked(reallocarray(p, n ? n : 1, size ? size : 1));
}

char *xstrdup(const char *s)
{
	return checked(strdup(s));
}

size_t utf8_decode(const void *text, size_t len, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *s = text;
	size_t n, i;

	if (!len)
		return 0;
	*c = s[0];
	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc0 || s[0] > 0xf4)
		return 0;
	n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (n > len)
		return 0;
	*c &= 0x7f >> n;
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (s[i] & 0x3f);
	}
	if (*c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c <= 0xdfff))
		return 0;
	return n;
}

bool is_unsafe_char(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return true;
	if ((c & 0xfffe) == 0xfffe)	/* noncharacters */
		return true;
	/* Line separators and what reorders text (Unicode TR 36, 3.1). */
	return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void escape(FILE *out, const void *text, size_t len, size_t max)
{
	const unsigned char *s = text;
	uint32_t c;
	size_t n;

	for (; len; s += n, len -= n) {
		if (!max--) {
			fputs("…", out);
			return;
		}
		n = utf8_decode(s, len, &c);
		if (n && !is_unsafe_char(c)) {
			fwrite(s, 1, n, out);
			continue;
		}
		if (n > 1)
			fprintf(out, "\\u%04x", c);
		else if (*s == '\n')
			fputs("\\n", out);
		else
			fprintf(out, "\\x%02x", *s);
		if (!n)
			n = 1;
	}
}

// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lex.h"
#include "../util.h"

static struct place here(const struct lexer *l)
{
	return (struct place){ l->file, l->line, l->pos - l->line_start + 1 };
}

static int peek(const struct lexer *l, size_t ahead)
{
	return l->pos + ahead < l->len ? (unsigned char)l->text[l->pos + ahead] : -1;
}

static void skip_space(struct lexer *l)
{
	size_t start = l->pos;
	int c;

	for (; (c = peek(l, 0)) >= 0; l->pos++) {
		if (c == '\n') {
			l->tok.newline = true;
			l->line++;
			l->line_start = l->pos + 1;
		} else if (c == '#') {
			while (peek(l, 1) >= 0 && peek(l, 1) != '\n')
				l->pos++;
		} else if (c != ' ' && c != '\t' && c != '\r') {
			break;
		}
	}
	l->tok.space = l->pos > start;
}

static bool is_letter(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static size_t utf8_put(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = 0xc0 | c >> 6;
		out[1] = 0x80 | (c & 63);
		return 2;
	}
	if (c < 0x10000) {
		out[0] = 0xe0 | c >> 12;
		out[1] = 0x80 | (c >> 6 & 63);
		out[2] = 0x80 | (c & 63);
		return 3;
	}
	out[0] = 0xf0 | c >> 18;
	out[1] = 0x80 | (c >> 12 & 63);
	out[2] = 0x80 | (c >> 6 & 63);
	out[3] = 0x80 | (c & 63);
	return 4;
}

/* Four hexadecimal digits at the position, or -1. */
static long hex4(const struct lexer *l)
{
	long n = 0;
	int i;

	for (i = 0; i < 4; i++) {
		int c = peek(l, i);

		if (is_digit(c))
			n = n * 16 + c - '0';
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			n = n * 16 + (c | 32) - 'a' + 10;
		else
			return -1;
	}
	return n;
}

/* \uNNNN, a pair of them outside of the basic plane (RFC 8259, 7). */
static uint32_t unicode(struct lexer *l)
{
	long n = hex4(l), low;

	if (n < 0)
		arena_fail(l->arena, here(l), "\\u takes four hexadecimal digits");
	l->pos += 4;
	if (n < 0xd800 || n > 0xdfff)
		return n;
	if (n < 0xdc00 && peek(l, 0) == '\\' && peek(l, 1) == 'u') {
		l->pos += 2;
		low = hex4(l);
		l->pos += 4;
		if (low >= 0xdc00 && low <= 0xdfff)
			return 0x10000 + ((n - 0xd800) << 10) + (low - 0xdc00);
	}
	arena_fail(l->arena, here(l), "half of a surrogate pair");
}

static size_t escaped(struct lexer *l, char *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	int c = peek(l, 1);
	const char *p = c > 0 ? strchr(from, c) : NULL;

	if (c == 'u') {
		l->pos += 2;
		return utf8_put(out, unicode(l));
	}
	if (!p)
		arena_fail(l->arena, here(l), "unknown escape in a string; a raw string (`...`) has none");
	l->pos += 2;
	*out = to[p - from];
	return 1;
}

static size_t plain(struct lexer *l, char *out)
{
	uint32_t c;
	size_t n = utf8_decode(l->text + l->pos, l->len - l->pos, &c);

	if (!n)
		arena_fail(l->arena, here(l), "is not UTF-8");
	memcpy(out, l->text + l->pos, n);
	l->pos += n;
	return n;
}

static void lex_string(struct lexer *l, char quote)
{
	struct place start = here(l);
	size_t room = 1, n = 0;
	char *out;
	int c;

	/* What is decoded is never longer. */
	while ((c = peek(l, room)) >= 0 && c != quote)
		room += c == '\\' && quote == '"' ? 2 : 1;
	out = arena_alloc(l->arena, room + 4);
	l->pos++;
	while ((c = peek(l, 0)) != quote) {
		if (c < 0 || (c == '\n' && quote == '"'))
			arena_fail(l->arena, start, "a string without its end");
		if (quote == '"' && c < ' ' && c != '\t')
			arena_fail(l->arena, here(l), "a control character in a string");
		if (c == '\n') {
			l->line++;
			l->line_start = l->pos + 1;
		}
		n += c == '\\' && quote == '"' ? escaped(l, out + n) : plain(l, out + n);
	}
	l->pos++;
	l->tok.kind = TOK_STRING;
	l->tok.value = value_string(l->arena, out, n);
}

static void digits(struct lexer *l)
{
	if (!is_digit(peek(l, 0)))
		arena_fail(l->arena, here(l), "a digit is missing in a number");
	while (is_digit(peek(l, 0)))
		l->pos++;
}

static void lex_number(struct lexer *l)
{
	struct place start = here(l);
	size_t from = l->pos;
	char *text;
	double n;

	if (peek(l, 0) == '0' && is_digit(peek(l, 1)))
		arena_fail(l->arena, start, "a number must not begin with 0");
	digits(l);
	if (peek(l, 0) == '.' && is_digit(peek(l, 1))) {
		l->pos++;
		digits(l);
	}
	if ((peek(l, 0) | 32) == 'e') {
		l->pos++;
		if (peek(l, 0) == '+' || peek(l, 0) == '-')
			l->pos++;
		digits(l);
	}
	if (is_letter(peek(l, 0)))
		arena_fail(l->arena, here(l), "a letter in a number");
	text = arena_text(l->arena, l->text + from, l->pos - from);
	n = strtod(text, NULL);
	if (!isfinite(n))
		arena_fail(l->arena, start, "a number too large");
	l->tok.kind = TOK_NUMBER;
	l->tok.value = value_number(l->arena, n);
}

static void lex_name(struct lexer *l)
{
	size_t from = l->pos;

	while (is_letter(peek(l, 0)) || is_digit(peek(l, 0)))
		l->pos++;
	l->tok.kind = TOK_NAME;
	l->tok.text = arena_text(l->arena, l->text + from, l->pos - from);
}

static void lex_operator(struct lexer *l)
{
	static const struct { char text[3]; enum token_kind kind; } two[] = {
		{ ":=", TOK_ASSIGN }, { "==", TOK_EQ }, { "!=", TOK_NE },
		{ "<=", TOK_LE }, { ">=", TOK_GE },
	};
	size_t i;
	int c = peek(l, 0);

	for (i = 0; i < sizeof(two) / sizeof(*two); i++) {
		if (c == two[i].text[0] && peek(l, 1) == two[i].text[1]) {
			l->tok.kind = two[i].kind;
			l->pos += 2;
			return;
		}
	}
	if (!c || !strchr("()[]{}.,;:=<>+-*/%|&", c))
		arena_fail(l->arena, here(l), c > ' ' && c < 0x7f ? "unexpected \"%c\"" :
			   "unexpected character", c);
	l->tok.kind = TOK_CHAR;
	l->tok.c = c;
	l->pos++;
}

void lex_next(struct lexer *l)
{
	size_t from;
	int c;

	l->tok = (struct token){ .newline = l->pos == 0 };
	skip_space(l);
	l->tok.at = here(l);
	from = l->pos;
	c = peek(l, 0);
	if (c < 0)
		l->tok.kind = TOK_END;
	else if (is_letter(c))
		lex_name(l);
	else if (is_digit(c))
		lex_number(l);
	else if (c == '"' || c == '`')
		lex_string(l, c);
	else
		lex_operator(l);
	if (l->tok.kind != TOK_NAME)
		l->tok.text = l->text + from;
	l->tok.len = l->pos - from;
	l->tok.end = l->pos;
}

void lex_start(struct lexer *l, struct arena *a, uint32_t file, const char *text, size_t len)
{
	*l = (struct lexer){ .arena = a, .text = text, .len = len, .file = file, .line = 1 };
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		l->pos = l->line_start = 3;
	lex_next(l);
}

bool lex_is(const struct lexer *l, char c)
{
	return l->tok.kind == TOK_CHAR && l->tok.c == c;
}

bool lex_is_name(const struct lexer *l, const char *name)
{
	return l->tok.kind == TOK_NAME && !strcmp(l->tok.text, name);
}

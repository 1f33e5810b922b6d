/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of Rego, of which JSON's are a part. */
#ifndef KNTRL_REGO_LEX_H
#define KNTRL_REGO_LEX_H

#include "value.h"

enum token_kind {
	TOK_END, TOK_NAME, TOK_STRING, TOK_NUMBER,
	TOK_ASSIGN,			/* := */
	TOK_EQ, TOK_NE, TOK_LE, TOK_GE,	/* == != <= >= */
	TOK_CHAR,			/* any other: by itself */
};

struct token {
	enum token_kind kind;
	struct place at;
	bool newline, space;	/* before it */
	char c;			/* TOK_CHAR */
	const char *text;	/* TOK_NAME; as written, of others */
	size_t len;
	struct value *value;	/* TOK_STRING, TOK_NUMBER */
	size_t end;		/* offset behind it */
};

struct lexer {
	struct arena *arena;
	const char *text;
	size_t len, pos;
	uint32_t file, line;
	size_t line_start;
	struct token tok;	/* the one to be read next */
};

void lex_start(struct lexer *l, struct arena *a, uint32_t file, const char *text, size_t len);
void lex_next(struct lexer *l);

bool lex_is(const struct lexer *l, char c);
bool lex_is_name(const struct lexer *l, const char *name);

#endif

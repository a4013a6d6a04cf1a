/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of options in sections, read in one pass.  Loading only; the files are the operator's. */
#include "classify/optfile.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/plainfile.h"

enum token { TOKEN_END, TOKEN_TEXT, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_SET, TOKEN_ADD, TOKEN_COMMA, TOKEN_OTHER };

struct reader {
	const char *path;
	const struct optfile_form *form;
	struct arena *arena;
	struct complaint *complaint;
	char *at; /* the bytes end in NUL, and hold no other; what is quoted becomes a text in its place */
	unsigned line;
	const char *text; /* of the token that was taken last */
	const char **items; /* of the list that is being read */
	size_t item_count, item_size;
};

static int refuse(const struct reader *reader, const char *why, const char *what)
{
	complaint_set(reader->complaint, reader->path, reader->line, "%s '%s'", why, what);
	return -EINVAL;
}

static int refuse_open(const struct reader *reader, unsigned line)
{
	complaint_set(reader->complaint, reader->path, line, "what begins here is not closed");
	return -EINVAL;
}

/* ---- tokens ---- */

static bool begins_comment(const char *at)
{
	return *at == '#' || (*at == '/' && (at[1] == '/' || at[1] == '*'));
}

static int skip_comment(struct reader *reader)
{
	bool is_long = reader->at[0] == '/' && reader->at[1] == '*';
	const char *end = is_long ? strstr(reader->at + 2, "*/") : strchr(reader->at, '\n');
	unsigned line = reader->line;

	if (is_long && !end)
		return refuse_open(reader, line);
	for (; *reader->at && reader->at != end; reader->at++)
		reader->line += *reader->at == '\n';
	reader->at += is_long ? 2 : 0;
	return 0;
}

static int skip_blanks(struct reader *reader)
{
	int rc = 0;

	while (rc == 0 && (ascii_is_space(*reader->at) || begins_comment(reader->at))) {
		if (ascii_is_space(*reader->at))
			reader->line += *reader->at++ == '\n';
		else
			rc = skip_comment(reader);
	}
	return rc;
}

/* A byte behind a backslash in double quotes. */
static char get_escaped(char c)
{
	static const char from[] = "ntrabfve", to[] = "\n\t\r\a\b\f\v\033";
	const char *found = strchr(from, c);

	return found ? to[found - from] : c;
}

/* In single quotes a backslash is one, but before a quote, another and the end of a line, which goes on then. */
static int take_quoted(struct reader *reader, char quote)
{
	const char *special = quote == '"' ? "\"\\\n" : "'\\\n";
	unsigned opened_line = reader->line;
	char *to = ++reader->at;

	reader->text = to;
	for (;;) {
		size_t len = strcspn(reader->at, special);
		char c = reader->at[len], next = c == '\\' ? reader->at[len + 1] : '\0';
		bool is_escaped = next && (quote == '"' || strchr("\\'\n", next));
		memmove(to, reader->at, len);
		to += len;
		reader->at += len;
		if (c == quote || c == '\0')
			break;
		reader->at += 1 + is_escaped;
		c = is_escaped ? next : c;
		reader->line += c == '\n';
		if (!is_escaped || c != '\n')
			*to++ = is_escaped && quote == '"' ? get_escaped(c) : c;
	}
	if (*reader->at == '\0')
		return refuse_open(reader, opened_line);
	*to = '\0';
	reader->at++;
	return TOKEN_TEXT;
}

static int take_word(struct reader *reader)
{
	size_t len = strcspn(reader->at, " \t\n\v\f\r#\"'={}()+,");
	struct span word = span_make(reader->at, len);
	size_t comment = span_find(word, SPAN_LIT("/*"), 0);

	word = arena_copy(reader->arena, span_slice(word, 0, comment));
	if (!span_is_known(word))
		return -ENOMEM;
	reader->text = word.ptr;
	reader->at += word.len;
	return TOKEN_TEXT;
}

static int take_sign(struct reader *reader, enum token token, const char *text)
{
	reader->text = text;
	reader->at += strlen(text);
	return token;
}

/* Negative, or an enum token. */
static int take_token(struct reader *reader)
{
	int rc = skip_blanks(reader);

	if (rc < 0)
		return rc;
	switch (*reader->at) {
	case '\0':
		return take_sign(reader, TOKEN_END, "");
	case '\'': case '"':
		return take_quoted(reader, *reader->at);
	case '{':
		return take_sign(reader, TOKEN_OPEN, "{");
	case '}':
		return take_sign(reader, TOKEN_CLOSE, "}");
	case '=':
		return take_sign(reader, TOKEN_SET, "=");
	case ',':
		return take_sign(reader, TOKEN_COMMA, ",");
	case '+':
		return reader->at[1] == '=' ? take_sign(reader, TOKEN_ADD, "+=") : take_sign(reader, TOKEN_OTHER, "+");
	case '(':
		return take_sign(reader, TOKEN_OTHER, "(");
	case ')':
		return take_sign(reader, TOKEN_OTHER, ")");
	default:
		return take_word(reader);
	}
}

/* ---- options ---- */

static int refuse_token(const struct reader *reader, int token)
{
	if (token == TOKEN_END)
		return refuse(reader, "unexpected end of", reader->path);
	return token < 0 ? token : refuse(reader, "unexpected", reader->text);
}

static int keep_item(struct reader *reader)
{
	if (reader->item_count == reader->item_size) {
		size_t size = reader->item_size ? reader->item_size * 2 : 64;
		const char **grown = realloc(reader->items, size * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		reader->items = grown;
		reader->item_size = size;
	}
	reader->items[reader->item_count++] = reader->text;
	return 0;
}

/* After the brace. */
static int read_list(struct reader *reader)
{
	int token = take_token(reader), rc;

	while (token == TOKEN_TEXT) {
		rc = keep_item(reader);
		if (rc < 0)
			return rc;
		token = take_token(reader);
		if (token == TOKEN_COMMA)
			token = take_token(reader);
		else if (token != TOKEN_CLOSE)
			break;
	}
	return token == TOKEN_CLOSE ? 0 : refuse_token(reader, token);
}

/* The items that were read, behind those of before. */
static int take_items(struct reader *reader, struct optfile_values *values)
{
	const char **items = arena_take(reader->arena, (values->count + reader->item_count + 1) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	if (values->count > 0)
		memcpy(items, values->items, values->count * sizeof(*items));
	if (reader->item_count > 0)
		memcpy(items + values->count, reader->items, reader->item_count * sizeof(*items));
	*values = (struct optfile_values){ items, values->count + reader->item_count, true };
	return 0;
}

/* After the option's name. */
static int read_values(struct reader *reader, const struct optfile_option *option, struct optfile_values *values)
{
	int token = take_token(reader), rc;

	if (token == TOKEN_ADD && !option->is_list)
		return refuse(reader, "attempt to append to what is no list:", option->name);
	if (token == TOKEN_SET)
		*values = (struct optfile_values){ .count = 0 };
	else if (token != TOKEN_ADD)
		return token < 0 ? token : refuse(reader, "missing equal sign after option", option->name);
	reader->item_count = 0;
	token = take_token(reader);
	if (token == TOKEN_TEXT)
		rc = keep_item(reader);
	else if (token == TOKEN_OPEN && option->is_list)
		rc = read_list(reader);
	else
		rc = refuse_token(reader, token);
	return rc == 0 ? take_items(reader, values) : rc;
}

/* ---- sections ---- */

static int read_option(struct reader *reader, struct optfile_section *section)
{
	for (size_t i = 0; i < reader->form->option_count; i++) {
		if (strcmp(reader->form->options[i].name, reader->text) == 0)
			return read_values(reader, &reader->form->options[i], &section->values[i]);
	}
	return refuse(reader, "no such option", reader->text);
}

/* After the section's name. */
static int read_section(struct reader *reader, struct optfile_section *section)
{
	int token, rc = 0;

	*section = (struct optfile_section){ .line = reader->line };
	token = take_token(reader);
	if (token != TOKEN_TEXT)
		return token < 0 ? token : refuse(reader, "missing title for section", reader->form->section);
	section->title = reader->text;
	token = take_token(reader);
	if (token != TOKEN_OPEN)
		return token < 0 ? token : refuse(reader, "missing opening brace for section", section->title);
	while (rc == 0 && (token = take_token(reader)) == TOKEN_TEXT)
		rc = read_option(reader, section);
	if (rc < 0 || token == TOKEN_CLOSE)
		return rc;
	return token == TOKEN_END ? refuse_open(reader, section->line) : refuse_token(reader, token);
}

static int read_sections(struct reader *reader, optfile_take *take, void *data, const char **ret_outside)
{
	const struct optfile_option outside = { reader->form->outside, false };
	struct optfile_values values = { .count = 0 };
	struct optfile_section section;
	int token, rc = 0;

	while (rc == 0 && (token = take_token(reader)) != TOKEN_END) {
		if (token != TOKEN_TEXT)
			return refuse_token(reader, token);
		if (outside.name && strcmp(reader->text, outside.name) == 0) {
			rc = read_values(reader, &outside, &values);
		} else if (strcmp(reader->text, reader->form->section) == 0) {
			rc = read_section(reader, &section);
			if (rc == 0)
				rc = take(data, &section);
		} else {
			rc = refuse(reader, "no such option", reader->text);
		}
	}
	*ret_outside = values.is_named ? values.items[0] : "";
	return rc;
}

int optfile_read(const char *path, const struct optfile_form *form, struct arena *arena, optfile_take *take, void *data,
		 const char **ret_outside, struct complaint *complaint)
{
	struct reader reader = { .path = path, .form = form, .arena = arena, .complaint = complaint, .line = 1 };
	int rc = plainfile_read(path, arena, &reader.at, complaint);

	if (rc == 0)
		rc = read_sections(&reader, take, data, ret_outside);
	free(reader.items);
	return rc;
}

unsigned optfile_find_line(const char *path, unsigned line, const char *text)
{
	FILE *file = fopen(path, "re");
	char *row = NULL;
	size_t size = 0;
	unsigned number = 0, found = line;

	if (!file)
		return line;
	while (getline(&row, &size, file) >= 0) {
		if (++number >= line && strstr(row, text)) {
			found = number;
			break;
		}
	}
	free(row);
	fclose(file);
	return found;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The matching names of an open folder, sorted. */
static int list_names(DIR *dir, const char *suffix, char ***ret_names, size_t *ret_count)
{
	char **names = NULL;
	size_t count = 0;
	const struct dirent *entry;

	while ((entry = readdir(dir))) {
		char **grown, *name;
		if (entry->d_name[0] == '.' || !span_has_suffix_nocase(span_of(entry->d_name), span_of(suffix)))
			continue;
		grown = realloc(names, (count + 1) * sizeof(*names));
		if (grown)
			names = grown;
		name = grown ? strdup(entry->d_name) : NULL;
		if (!name) {
			while (count > 0)
				free(names[--count]);
			free(names);
			return -ENOMEM;
		}
		names[count++] = name;
	}
	if (count > 0)
		qsort(names, count, sizeof(*names), compare_names);
	*ret_names = names;
	*ret_count = count;
	return 0;
}

int optfile_for_each(const char *dir_path, const char *suffix, int (*each)(void *data, const char *path), void *data,
		     struct complaint *complaint)
{
	DIR *dir = opendir(dir_path);
	char **names = NULL, *path;
	size_t count = 0;
	int rc;

	if (!dir) {
		rc = -errno;
		if (rc == -ENOENT)
			return 0;
		complaint_set(complaint, dir_path, 0, "%s", strerror(-rc));
		return rc;
	}
	rc = list_names(dir, suffix, &names, &count);
	closedir(dir);
	for (size_t i = 0; i < count; i++) {
		if (rc == 0 && asprintf(&path, "%s/%s", dir_path, names[i]) < 0)
			rc = -ENOMEM;
		else if (rc == 0) {
			rc = each(data, path);
			free(path);
		}
		free(names[i]);
	}
	free(names);
	return rc;
}

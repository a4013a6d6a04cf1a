/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loads the forms of formats.d (libconfuse).  The lines by which forms are known go into buckets by their first
 * byte, so that a line of a mail is tried against a few of them only.
 */
#include <confuse.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "evidence/form.h"

/* libconfuse hands no data to its callbacks. */
static _Thread_local struct complaint *current_complaint;

static const struct {
	const char *name;
	size_t offset;
} template_options[] = {
	{ "text", offsetof(struct form, text) },         { "also", offsetof(struct form, also) },
	{ "unless", offsetof(struct form, unless) },     { "from", offsetof(struct form, from) },
	{ "recipient", offsetof(struct form, recipient) }, { "reply", offsetof(struct form, reply) },
	{ "skip", offsetof(struct form, skip) },         { "until", offsetof(struct form, until) },
	{ "resume", offsetof(struct form, resume) },     { "original", offsetof(struct form, original) },
	{ "delayed", offsetof(struct form, delayed) },
};
enum { TEMPLATE_OPTIONS = sizeof(template_options) / sizeof(template_options[0]) };

static struct templates *get_templates(struct form *form, size_t option)
{
	return (struct templates *)((char *)form + template_options[option].offset);
}

static void strings_free(char **strings, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(strings[i]);
	free(strings);
}

static void sample_done(struct sample *sample)
{
	free(sample->name);
	free(sample->mail);
	strings_free(sample->recipients, sample->recipient_count);
	strings_free(sample->replies, sample->reply_count);
	strings_free(sample->statuses, sample->status_count);
}

static void form_done(struct form *form)
{
	for (size_t option = 0; option < TEMPLATE_OPTIONS; option++) {
		struct templates *templates = get_templates(form, option);
		for (size_t i = 0; i < templates->count; i++)
			template_free(templates->items[i]);
		free(templates->items);
	}
	for (size_t i = 0; i < form->header_count; i++) {
		free(form->headers[i].name);
		template_free(form->headers[i].value);
	}
	for (size_t i = 0; i < form->sample_count; i++)
		sample_done(&form->samples[i]);
	free(form->headers);
	free(form->samples);
	free(form->recipients_in);
	free(form->name);
	free(form->path);
}

void formats_free(struct formats *formats)
{
	if (!formats)
		return;
	for (size_t i = 0; i < formats->count; i++)
		form_done(&formats->forms[i]);
	for (size_t i = 0; i < LINE_BUCKETS; i++)
		free(formats->lines[i].items);
	for (size_t i = 0; i < FIELD_BUCKETS; i++)
		free(formats->fields[i].items);
	free(formats->glimpses);
	free(formats->forms);
	free(formats);
}

static void take_error(cfg_t *cfg, const char *format, va_list args)
{
	char text[400];

	vsnprintf(text, sizeof(text), format, args);
	/* the first complaint is the cause of those that follow */
	if (current_complaint && current_complaint->text[0] == '\0')
		complaint_set(current_complaint, cfg && cfg->filename ? cfg->filename : "", cfg ? (unsigned)cfg->line : 0,
			      "%s", text);
}

/* While a list is read, so that a complaint names the line. */
static int validate_template(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *text = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1), *why;
	struct template *template = template_parse(span_of(text), &why);

	if (!template)
		cfg_error(cfg, "%s: %s: '%s'", opt->name, why ? why : "out of memory", text);
	template_free(template);
	return template ? 0 : -1;
}

static bool split_header(const char *text, struct span *ret_name, struct span *ret_value)
{
	struct span rest = span_of(text);

	*ret_name = span_trim(span_take(&rest, ':'));
	*ret_value = span_trim(rest);
	return ret_name->len > 0 && ret_value->len > 0;
}

static int validate_header(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *text = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1), *why = "no 'Name: value'";
	struct template *template = NULL;
	struct span name, value;

	if (split_header(text, &name, &value)) {
		/* '*' alone asks only whether the field is there */
		if (span_is_equal(value, SPAN_LIT("*")))
			return 0;
		template = template_parse(value, &why);
	}
	if (!template)
		cfg_error(cfg, "%s: %s: '%s'", opt->name, why ? why : "out of memory", text);
	template_free(template);
	return template ? 0 : -1;
}

static int copy_string(const char *text, char **ret_copy)
{
	*ret_copy = text ? strdup(text) : NULL;
	return text && !*ret_copy ? -ENOMEM : 0;
}

static int copy_strings(cfg_t *cfg, const char *name, char ***ret_strings, size_t *ret_count)
{
	size_t count = cfg_size(cfg, name);

	*ret_strings = calloc(count + 1, sizeof(**ret_strings));
	if (!*ret_strings)
		return -ENOMEM;
	for (; *ret_count < count; ++*ret_count) {
		if (copy_string(cfg_getnstr(cfg, name, (unsigned)*ret_count), &(*ret_strings)[*ret_count]))
			return -ENOMEM;
	}
	return 0;
}

static int load_templates(cfg_t *cfg, const char *name, struct templates *templates)
{
	size_t count = cfg_size(cfg, name);
	const char *why;

	templates->items = calloc(count + 1, sizeof(struct template *));
	if (!templates->items)
		return -ENOMEM;
	for (; templates->count < count; templates->count++) {
		templates->items[templates->count] =
			template_parse(span_of(cfg_getnstr(cfg, name, (unsigned)templates->count)), &why);
		if (!templates->items[templates->count])
			return -ENOMEM;
	}
	return 0;
}

static int load_headers(cfg_t *cfg, struct form *form)
{
	size_t count = cfg_size(cfg, "header");
	const char *why;

	form->headers = calloc(count + 1, sizeof(*form->headers));
	if (!form->headers)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct header_condition *condition = &form->headers[form->header_count++];
		struct span name, value;
		split_header(cfg_getnstr(cfg, "header", (unsigned)i), &name, &value);
		condition->name = strndup(name.ptr, name.len);
		condition->name_len = name.len;
		condition->value = span_is_equal(value, SPAN_LIT("*")) ? NULL : template_parse(value, &why);
		if (!condition->name || (!condition->value && !span_is_equal(value, SPAN_LIT("*"))))
			return -ENOMEM;
	}
	return 0;
}

static int load_sample(cfg_t *cfg, struct sample *sample)
{
	int error = copy_string(cfg_title(cfg), &sample->name);

	if (!error)
		error = copy_string(cfg_getstr(cfg, "mail"), &sample->mail);
	if (!error)
		error = copy_strings(cfg, "recipient", &sample->recipients, &sample->recipient_count);
	if (!error)
		error = copy_strings(cfg, "reply", &sample->replies, &sample->reply_count);
	if (!error)
		error = copy_strings(cfg, "status", &sample->statuses, &sample->status_count);
	sample->action = action_find(span_of(cfg_getstr(cfg, "action")));
	return error;
}

static int load_samples(cfg_t *cfg, struct form *form)
{
	size_t count = cfg_size(cfg, "sample");
	int error = 0;

	form->samples = calloc(count + 1, sizeof(*form->samples));
	if (!form->samples)
		return -ENOMEM;
	for (size_t i = 0; i < count && !error; i++)
		error = load_sample(cfg_getnsec(cfg, "sample", (unsigned)i), &form->samples[form->sample_count++]);
	return error;
}

static int load_form(cfg_t *cfg, const char *path, struct form *form)
{
	const char *recipients_in = cfg_getstr(cfg, "recipients-in");
	int error = copy_string(cfg_title(cfg), &form->name);

	if (!error)
		error = copy_string(path, &form->path);
	if (!error && recipients_in[0])
		error = copy_string(recipients_in, &form->recipients_in);
	for (size_t option = 0; option < TEMPLATE_OPTIONS && !error; option++)
		error = load_templates(cfg, template_options[option].name, get_templates(form, option));
	if (!error)
		error = load_headers(cfg, form);
	if (!error)
		error = load_samples(cfg, form);
	form->is_signature = cfg_getbool(cfg, "signature");
	form->is_before = cfg_getbool(cfg, "before");
	form->is_paragraph = cfg_getbool(cfg, "paragraph");
	form->is_session = cfg_getbool(cfg, "session");
	form->is_generic = cfg_getbool(cfg, "generic");
	return error;
}

/* What makes a form useless or dangerous, beyond what the words of the language forbid. */
static int check_form(const struct formats *formats, const struct form *form, const char *path, struct complaint *complaint)
{
	const char *why = NULL;

	if (form->header_count == 0 && form->text.count == 0)
		why = "neither header nor text says how it is known";
	else if (form->is_signature && form->header_count == 0)
		why = "signature = yes needs a header";
	else if (form->sample_count == 0)
		why = "no sample proves it";
	for (size_t i = 0; i < formats->count && !why; i++) {
		if (&formats->forms[i] != form && strcmp(formats->forms[i].name, form->name) == 0)
			why = "the name stands twice";
	}
	if (!why)
		return 0;
	complaint_set(complaint, path, 0, "form %s: %s", form->name, why);
	return -EINVAL;
}

static int load_forms(struct formats *formats, cfg_t *cfg, const char *path, struct complaint *complaint)
{
	size_t count = cfg_size(cfg, "form");
	struct form *forms = realloc(formats->forms, (formats->count + count + 1) * sizeof(*forms));
	int error = 0;

	if (!forms)
		return -ENOMEM;
	formats->forms = forms;
	for (size_t i = 0; i < count && !error; i++) {
		struct form *form = &forms[formats->count];
		if (formats->count == FORMS_MAX) {
			complaint_set(complaint, path, 0, "more than %d forms", FORMS_MAX);
			return -EINVAL;
		}
		memset(form, 0, sizeof(*form));
		formats->count++;
		error = load_form(cfg_getnsec(cfg, "form", (unsigned)i), path, form);
		if (!error)
			error = check_form(formats, form, path, complaint);
	}
	return error;
}

static cfg_t *make_parser(void)
{
	static cfg_opt_t sample_opts[] = {
		CFG_STR("mail", "", CFGF_NONE),          CFG_STR_LIST("recipient", "{}", CFGF_NONE),
		CFG_STR_LIST("reply", "{}", CFGF_NONE),  CFG_STR_LIST("status", "{}", CFGF_NONE),
		CFG_STR("action", "failed", CFGF_NONE), CFG_END(),
	};
	static cfg_opt_t form_opts[] = {
		CFG_STR_LIST("header", "{}", CFGF_NONE),
		CFG_STR_LIST("text", "{}", CFGF_NONE),
		CFG_STR_LIST("also", "{}", CFGF_NONE),
		CFG_STR_LIST("unless", "{}", CFGF_NONE),
		CFG_STR_LIST("from", "{}", CFGF_NONE),
		CFG_STR_LIST("recipient", "{}", CFGF_NONE),
		CFG_STR_LIST("reply", "{}", CFGF_NONE),
		CFG_STR_LIST("skip", "{}", CFGF_NONE),
		CFG_STR_LIST("until", "{}", CFGF_NONE),
		CFG_STR_LIST("resume", "{}", CFGF_NONE),
		CFG_STR_LIST("original", "{}", CFGF_NONE),
		CFG_STR_LIST("delayed", "{}", CFGF_NONE),
		CFG_STR("recipients-in", "", CFGF_NONE),
		CFG_BOOL("signature", cfg_false, CFGF_NONE),
		CFG_BOOL("before", cfg_false, CFGF_NONE),
		CFG_BOOL("paragraph", cfg_false, CFGF_NONE),
		CFG_BOOL("session", cfg_false, CFGF_NONE),
		CFG_BOOL("generic", cfg_false, CFGF_NONE),
		CFG_SEC("sample", sample_opts, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
		CFG_END(),
	};
	static cfg_opt_t opts[] = { CFG_SEC("form", form_opts, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES), CFG_END() };
	cfg_t *cfg = cfg_init(opts, CFGF_NONE);

	if (!cfg)
		return NULL;
	cfg_set_error_function(cfg, take_error);
	for (size_t option = 0; option < TEMPLATE_OPTIONS; option++) {
		char name[64];
		snprintf(name, sizeof(name), "form|%s", template_options[option].name);
		cfg_set_validate_func(cfg, name, validate_template);
	}
	cfg_set_validate_func(cfg, "form|header", validate_header);
	return cfg;
}

static int load_file(struct formats *formats, const char *path, struct complaint *complaint)
{
	cfg_t *cfg = make_parser();
	int error;

	if (!cfg)
		return -ENOMEM;
	current_complaint = complaint;
	complaint->text[0] = '\0';
	switch (cfg_parse(cfg, path)) {
	case CFG_SUCCESS:
		error = load_forms(formats, cfg, path, complaint);
		break;
	case CFG_FILE_ERROR:
		error = errno ? -errno : -EIO;
		complaint_set(complaint, path, 0, "%s", strerror(-error));
		break;
	default:
		if (complaint->text[0] == '\0')
			complaint_set(complaint, path, 0, "cannot be parsed");
		error = -EINVAL;
	}
	current_complaint = NULL;
	cfg_free(cfg);
	return error;
}

static int is_formats_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.' &&
	       span_has_suffix_nocase(span_of(entry->d_name), SPAN_LIT(".formats"));
}

static int add_mark(struct bucket *bucket, struct mark mark)
{
	struct mark *items = realloc(bucket->items, (bucket->count + 1) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	bucket->items = items;
	mark.needs = mark.template ? template_get_head(mark.template)->needs : 0;
	items[bucket->count++] = mark;
	return 0;
}

static int add_lines(struct formats *formats, unsigned form, unsigned bit, const struct templates *templates)
{
	int error = 0;

	for (size_t i = 0; i < templates->count && !error; i++)
		error = add_mark(&formats->lines[template_get_head(templates->items[i])->first],
				 (struct mark){ .form = form, .bit = bit, .template = templates->items[i] });
	return error;
}

static int add_fields(struct formats *formats, unsigned index)
{
	const struct form *form = &formats->forms[index];
	int error = 0;

	for (size_t i = 0; i < form->header_count && !error; i++) {
		const struct header_condition *condition = &form->headers[i];
		struct span name = span_make(condition->name, condition->name_len);
		struct mark mark = { .form = index, .bit = KNOWN_HEADER, .name = name, .template = condition->value };
		error = add_mark(&formats->fields[fields_get_place(name)], mark);
	}
	return error;
}

static int fill_buckets(struct formats *formats)
{
	int error = 0;

	for (unsigned i = 0; i < formats->count && !error; i++) {
		const struct form *form = &formats->forms[i];
		/* a guess comes last, and its many words are looked for only then */
		if (form->is_generic)
			continue;
		error = add_fields(formats, i);
		if (!error)
			error = add_lines(formats, i, KNOWN_TEXT, &form->text);
		if (!error)
			error = add_lines(formats, i, KNOWN_ALSO, &form->also);
		if (!error)
			error = add_lines(formats, i, KNOWN_UNLESS, &form->unless);
	}
	return error;
}

static int add_glimpse(struct formats *formats, const struct header_condition *condition)
{
	struct glimpse *items = realloc(formats->glimpses, (formats->glimpse_count + 1) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	formats->glimpses = items;
	items[formats->glimpse_count++] = (struct glimpse){
		.name = span_of(condition->name),
		.rare = condition->value ? template_get_rare(condition->value) : 0,
		.needs = condition->value ? template_get_head(condition->value)->needs : 0,
	};
	return 0;
}

static int fill_glimpses(struct formats *formats)
{
	int error = 0;

	for (unsigned i = 0; i < formats->count && !error; i++) {
		const struct form *form = &formats->forms[i];
		for (size_t k = 0; k < form->header_count && form->is_signature && !error; k++)
			error = add_glimpse(formats, &form->headers[k]);
	}
	if (!error)
		glance_prepare(formats);
	return error;
}

static int load_folder(struct formats *formats, const char *dir, struct complaint *complaint)
{
	struct dirent **entries;
	int count = scandir(dir, &entries, is_formats_file, alphasort), error = 0;

	if (count < 0) {
		error = -errno;
		complaint_set(complaint, dir, 0, "%s", strerror(-error));
		return error;
	}
	for (int i = 0; i < count; i++) {
		char path[4096];
		snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
		if (!error)
			error = load_file(formats, path, complaint);
		free(entries[i]);
	}
	free(entries);
	return error;
}

int formats_load(const char *dir, struct formats **ret_formats, struct complaint *complaint)
{
	struct formats *formats = calloc(1, sizeof(*formats));
	struct complaint ignored;
	int error;

	if (!formats)
		return -ENOMEM;
	error = load_folder(formats, dir, complaint ? complaint : &ignored);
	if (!error)
		error = fill_buckets(formats);
	if (!error)
		error = fill_glimpses(formats);
	if (error)
		formats_free(formats);
	else
		*ret_formats = formats;
	return error;
}

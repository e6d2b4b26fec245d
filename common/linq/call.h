#ifndef LINQ_CALL_H
#define LINQ_CALL_H

/*
 * One call of a function while it is translated; private to call_sql.c, which chooses the row, and
 * call_special.c, which has what forms cannot say.
 */

#include "common/linq/translate.h"

struct call {
    struct tr *tr;
    const struct expr *e;
    const struct linq_func *fn; /* the row that fits */
    struct val *v;              /* the arguments, n of them */
    size_t n;
    const char *form;
};

typedef int (*call_fn)(struct call *c, struct val *ret);

/* The pattern of formatdate and parsedate in that of the engine. */
int call_date_pattern(struct call *c, const char *s, struct buf *out);
/* The first argument in the zone of the argument at `zone` (absent: as it is). */
const char *call_local_time(struct tr *tr, const struct val *v, size_t n, size_t zone);

int call_midnight(struct call *c, struct val *ret);
int call_parsedate(struct call *c, struct val *ret);
int call_mkarray(struct call *c, struct val *ret);
int call_element(struct call *c, struct val *ret);
int call_template(struct call *c, struct val *ret);
int call_subs(struct call *c, struct val *ret);
int call_jqcompile(struct call *c, struct val *ret);
int call_jqeval(struct call *c, struct val *ret);
int call_label(struct call *c, struct val *ret);

#endif

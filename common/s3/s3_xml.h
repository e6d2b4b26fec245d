#ifndef S3_S3_XML_H
#define S3_S3_XML_H

/*
 * The few XML documents that S3 answers with, and nothing else of XML. Pure.
 *
 * The reader is strict: elements, attributes (checked, ignored), character data, the five named
 * entities, character references, CDATA, comments, one XML declaration. It refuses DOCTYPE and
 * with it every entity of a document's own, processing instructions, nesting over 16, mismatched
 * tags, text outside the root. White space before the document is allowed: CompleteMultipartUpload
 * sends it to keep the connection alive. Source: XML 1.0; S3 API Reference.
 */

#include "common/base/attrs.h"
#include "common/base/errinfo.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Called at the end of each element with its path ("Error/Code") and its own text, outer blanks
 * kept. Negative stops the parse. */
typedef int (*s3_xml_fn)(void *ctx, const char *path, const char *text, struct errinfo *ei);

/* E_INVALID with the byte offset, or what each returned. */
int s3_xml_parse(const char *text, size_t len, s3_xml_fn each, void *ctx,
                 struct errinfo *ei) MUST_CHECK;

/* <Error>; fields are "" when absent, cut when too long. */
struct s3_xml_error {
    char code[64];
    char message[256]; /* one line: control characters become blanks */
    char region[64];   /* of the bucket, in AuthorizationHeaderMalformed and redirects */
    char request_id[96];
};
/* E_INVALID: no XML, or another root. */
int s3_xml_error_parse(const char *text, size_t len, struct s3_xml_error *ret,
                       struct errinfo *ei) MUST_CHECK;

/* InitiateMultipartUploadResult -> the upload id; caller frees. */
int s3_xml_initiate_parse(const char *text, size_t len, char **ret_upload_id,
                          struct errinfo *ei) MUST_CHECK;

/* ListPartsResult, one page. */
struct s3_xml_part {
    unsigned number;
    int64_t bytes;
    char etag[128];
};
struct s3_xml_parts {
    struct s3_xml_part *list;
    size_t count, cap;
    bool truncated;       /* another page follows */
    unsigned next_marker; /* part-number-marker of it */
};
/* Adds to what is in ret (zeroed before the first page). */
int s3_xml_parts_parse(const char *text, size_t len, struct s3_xml_parts *ret,
                       struct errinfo *ei) MUST_CHECK;
void s3_xml_parts_done(struct s3_xml_parts *parts);

/* ListMultipartUploadsResult, one page: the uploads of exactly this key (a listing by prefix names
 * longer keys as well; this one sorts first). */
struct s3_xml_upload {
    char *id;
    int64_t initiated_ms; /* by the store's clock */
};
struct s3_xml_uploads {
    struct s3_xml_upload *list;
    size_t count, cap;
};
/* ret is zeroed. E_INVALID: also an upload without key, id or time; ret holds nothing then. */
int s3_xml_uploads_parse(const char *text, size_t len, const char *key, struct s3_xml_uploads *ret,
                         struct errinfo *ei) MUST_CHECK;
void s3_xml_uploads_done(struct s3_xml_uploads *uploads);

/* CompleteMultipartUploadResult. A 200 may hold an <Error> instead: then failed is set. */
struct s3_xml_complete {
    char etag[128]; /* some stores leave it empty */
    bool failed;
    struct s3_xml_error error; /* if failed */
};
int s3_xml_complete_parse(const char *text, size_t len, struct s3_xml_complete *ret,
                          struct errinfo *ei) MUST_CHECK;

#endif

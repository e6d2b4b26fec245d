#ifndef API_S3_TAGS_H
#define API_S3_TAGS_H

/*
 * aws.tags: the tags of an object in the form of the header x-amz-tagging, k=v&k2=v2, where a key
 * or value is percent-encoded as in a URL's query ('+' is a blank). Pure.
 *
 * Rules: "Categorizing your storage using tags" of the S3 User Guide.
 */

#include "common/base/attrs.h"
#include "common/base/errinfo.h"

#define S3_TAGS_MAX       10
#define S3_TAG_KEY_MAX    128 /* characters */
#define S3_TAG_VALUE_MAX  256
#define S3_TAGS_BYTES_MAX 8192 /* of the text: what S3 takes as headers */

/* E_INVALID, with words that follow "aws.tags = '...'". */
int s3_tags_check(const char *v, struct errinfo *ei) MUST_CHECK;

#endif

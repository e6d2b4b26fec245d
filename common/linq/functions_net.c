/* Addresses, URLs. One row, one line where it fits; neighbours of one name belong together. */
#include "common/linq/function_rows.h"

/* 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 (RFC 1918) */
#define PRIVATE                                                                                    \
    "$1 BETWEEN 167772160 AND 184549375 OR $1 BETWEEN 2886729728 AND 2887778303"                   \
    " OR $1 BETWEEN 3232235520 AND 3232301055"
/* and 0.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/3 (RFC 6890) */
#define SPECIAL_USE                                                                                \
    " OR $1 BETWEEN 0 AND 16777215 OR $1 BETWEEN 1681915904 AND 1686110207"                        \
    " OR $1 BETWEEN 2130706432 AND 2147483647 OR $1 BETWEEN 2851995648 AND 2852061183"             \
    " OR $1 >= 3758096384"

/* Reason phrases of the IANA registry of HTTP status codes (RFC 9110). */
#define HTTP_REASON                                                                                \
    "WHEN 100 THEN 'Continue' WHEN 101 THEN 'Switching Protocols' "                                \
    "WHEN 102 THEN 'Processing' WHEN 103 THEN 'Early Hints' WHEN 200 THEN 'OK' "                   \
    "WHEN 201 THEN 'Created' WHEN 202 THEN 'Accepted' "                                            \
    "WHEN 203 THEN 'Non-Authoritative Information' WHEN 204 THEN 'No Content' "                    \
    "WHEN 205 THEN 'Reset Content' WHEN 206 THEN 'Partial Content' "                               \
    "WHEN 207 THEN 'Multi-Status' WHEN 208 THEN 'Already Reported' WHEN 226 THEN 'IM Used' "       \
    "WHEN 300 THEN 'Multiple Choices' WHEN 301 THEN 'Moved Permanently' "                          \
    "WHEN 302 THEN 'Found' WHEN 303 THEN 'See Other' WHEN 304 THEN 'Not Modified' "                \
    "WHEN 305 THEN 'Use Proxy' WHEN 307 THEN 'Temporary Redirect' "                                \
    "WHEN 308 THEN 'Permanent Redirect' WHEN 400 THEN 'Bad Request' "                              \
    "WHEN 401 THEN 'Unauthorized' WHEN 402 THEN 'Payment Required' "                               \
    "WHEN 403 THEN 'Forbidden' WHEN 404 THEN 'Not Found' "                                         \
    "WHEN 405 THEN 'Method Not Allowed' WHEN 406 THEN 'Not Acceptable' "                           \
    "WHEN 407 THEN 'Proxy Authentication Required' WHEN 408 THEN 'Request Timeout' "               \
    "WHEN 409 THEN 'Conflict' WHEN 410 THEN 'Gone' WHEN 411 THEN 'Length Required' "               \
    "WHEN 412 THEN 'Precondition Failed' WHEN 413 THEN 'Content Too Large' "                       \
    "WHEN 414 THEN 'URI Too Long' WHEN 415 THEN 'Unsupported Media Type' "                         \
    "WHEN 416 THEN 'Range Not Satisfiable' WHEN 417 THEN 'Expectation Failed' "                    \
    "WHEN 421 THEN 'Misdirected Request' WHEN 422 THEN 'Unprocessable Content' "                   \
    "WHEN 423 THEN 'Locked' WHEN 424 THEN 'Failed Dependency' WHEN 425 THEN 'Too Early' "          \
    "WHEN 426 THEN 'Upgrade Required' WHEN 428 THEN 'Precondition Required' "                      \
    "WHEN 429 THEN 'Too Many Requests' WHEN 431 THEN 'Request Header Fields Too Large' "           \
    "WHEN 451 THEN 'Unavailable For Legal Reasons' WHEN 500 THEN 'Internal Server Error' "         \
    "WHEN 501 THEN 'Not Implemented' WHEN 502 THEN 'Bad Gateway' "                                 \
    "WHEN 503 THEN 'Service Unavailable' WHEN 504 THEN 'Gateway Timeout' "                         \
    "WHEN 505 THEN 'HTTP Version Not Supported' WHEN 506 THEN 'Variant Also Negotiates' "          \
    "WHEN 507 THEN 'Insufficient Storage' WHEN 508 THEN 'Loop Detected' "                          \
    "WHEN 510 THEN 'Not Extended' WHEN 511 THEN 'Network Authentication Required' "

/* Parts of a URI as RFC 3986, appendix B, cuts it; null where the part is absent. */
#define URI_SCHEME    "^[A-Za-z][A-Za-z0-9+.-]*:"
#define URI_AUTHORITY "^(?:[^:/?#]+:)?//"
#define URI_PART(re)                                                                               \
    "CASE WHEN regexp_matches($1, '" re "') THEN regexp_extract($1, '" re "', 1) END"
/* Percent signs that begin no escape are left when the escapes are taken away. */
#define URL_DECODE                                                                                 \
    "CASE WHEN NOT contains(regexp_replace($1, '%[0-9A-Fa-f]{2}', '', 'g'), '%')"                  \
    " THEN TRY(url_decode(replace($1, '+', '%20'))) END"

#define OCTET "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|0{0,2}[0-9]|0?[1-9][0-9])"

/* clang-format off */
const struct linq_func func_rows_net[] = {
    /* addresses; an address is a number inside the query and text outside */
    SCALAR("ip4", "p", LINQ_IP4, "$1"),
    SPECIAL("ip4", "s", LINQ_IP4, 0, SP_IP4, ""),
    SCALAR("ip4", "i", LINQ_IP4,
           "CASE WHEN $1 BETWEEN 0 AND 4294967295 THEN CAST($1 AS BIGINT) END"),
    SCALAR("isprivate", "p", BOOL, "(" PRIVATE ")"),
    SCALAR("ispublic", "p", BOOL, "(NOT (" PRIVATE SPECIAL_USE "))"),
    SCALAR("isip4", "s", BOOL, "regexp_full_match($1, '(" OCTET "\\.){3}" OCTET "')"),

    /* URLs */
    SCALAR("urischeme", "s", STR, URI_PART("^([A-Za-z][A-Za-z0-9+.-]*):")),
    SCALAR("urissp", "s", STR, URI_PART("^(?:[A-Za-z][A-Za-z0-9+.-]*:)?([^#]*)")),
    SCALAR("uriauthority", "s", STR, URI_PART(URI_AUTHORITY "([^/?#]*)")),
    SCALAR("uriuser", "s", STR, URI_PART(URI_AUTHORITY "([^/?#@]*)@")),
    SCALAR("urihost", "s", STR,
           URI_PART(URI_AUTHORITY "(?:[^/?#@]*@)?(\\[[^]/?#]*\\]|[^][:/?#@]+)"
                    "(?::[0-9]*)?(?:[/?#]|$)")),
    SCALAR("uriport", "s", INT,
           "TRY_CAST(" URI_PART(URI_AUTHORITY "(?:[^/?#@]*@)?(?:\\[[^]/?#]*\\]|[^][:/?#@]+):"
           "([0-9]+)(?:[/?#]|$)") " AS BIGINT)"),
    SCALAR("uripath", "s", STR, URI_PART("^(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?://[^/?#]*)?([^?#]*)")),
    SCALAR("uriquery", "s", STR, URI_PART("^[^?#]*\\?([^#]*)")),
    SCALAR("urifragment", "s", STR, URI_PART("#((?s).*)$")),
    SCALAR("absoluteuri", "s", BOOL, "regexp_matches($1, '" URI_SCHEME "')"),
    SCALAR("opaqueuri", "s", BOOL, "regexp_matches($1, '" URI_SCHEME "[^/]')"),
    SCALAR("urldecode", "s", STR, URL_DECODE),
    SCALAR("httpstatusdescription", "i", STR, "CASE $1 " HTTP_REASON "END"),
    SCALAR("httpstatustype", "i", STR,
           "CASE $1 // 100 WHEN 1 THEN 'Informational' WHEN 2 THEN 'Successful' "
           "WHEN 3 THEN 'Redirection' WHEN 4 THEN 'Client Error' WHEN 5 THEN 'Server Error' END"),
    {.name = NULL},
};
/* clang-format on */

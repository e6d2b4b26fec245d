#include "common/linq/functions.h"

#include <string.h>
#include <strings.h>

/* Names of the language that no engine serves here, by reason, so that a query which uses one is
 * told that it is known and why it is refused. A row moves to functions.c when it is served. */
static const char LATER[] = "this version does not serve it yet";
static const char NO_FORM[] = "the engine has no exact form of it";
static const char UNCLEAR[] = "its exact meaning is not documented";
static const char SUFFIXES[] = "it needs the list of public suffixes";
static const char AGENTS[] = "it needs a database of user agents";
static const char NO_ROW_NUMBER[] = "rows have no number that every run repeats";
static const char LOOKUP[] = "it needs lookup tables of the original product";
static const char GEO[] = "it needs a geographic database";
static const char REPUTATION[] = "it needs a reputation service";
static const char PACKET[] = "packets are not parsed";
static const char MODEL[] = "models are not evaluated";

static const struct {
    const char *reason;
    const char *names; /* separated by one blank */
} REFUSED[] = {
    {LATER, "filter map ip6 net4 net6 mac set mkmap mktuple mkboxar bag weakin"},
    {NO_ROW_NUMBER, "rand"},
    {NO_FORM, "sha512 osa fromz85 toz85 bigint"},
    {UNCLEAR, "collectcompact pack unpackhllpp hex8 hash array stringify image formatnumber"},
    {UNCLEAR, "humansize estimation compatible mapped translated locate countbyfilter purpose"},
    {UNCLEAR, "host daynumber monthnumber weekofmonth anymatches nameglob pragmavalue"},
    {UNCLEAR, "tablename simplify instance databaseinfo port ipprotocol"},
    {SUFFIXES, "rootdomain rootprefix rootsuffix subdomain topleveldomain publicsuffix"},
    {AGENTS, "uaname uafamily uaisrobot uadevicetype uaosname"},
    {LOOKUP, "lu hlut hlurjson"},
    {REPUTATION, "reputation reputationscore sbl"},
    {GEO,
     "routing asn asorg city connectiontype coordinates countrycode isp org latitude longitude"},
    {GEO, "postalcode subdivision1code subdivision2code accuracyradius mm2country mm2city mm2asn"},
    {GEO,
     "mmcountry mmlatitude geocoord continentalpha2 continentname countryalpha2 countryalpha3"},
    {GEO,
     "countrycontinent countryname countrylatitude countrylongitude distance geohash geohashstr"},
    {GEO, "gridlatlon latlon parsegeo reprgeo coordsystem"},
    {MODEL, "mlevalmodel"},
};

static const char *const PACKET_PREFIXES[] = {"ether", "tcp", "udp"};

/* The length of the name at p. */
static size_t
name_len(const char *p)
{
    return strcspn(p, " ");
}

const char *
func_refused(const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < ARRAY_LEN(REFUSED); i++)
        for (const char *p = REFUSED[i].names; *p != '\0'; p += name_len(p), p += *p == ' ')
            if (name_len(p) == len && strncasecmp(p, name, len) == 0)
                return REFUSED[i].reason;
    for (size_t i = 0; i < ARRAY_LEN(PACKET_PREFIXES); i++)
        if (strncasecmp(name, PACKET_PREFIXES[i], strlen(PACKET_PREFIXES[i])) == 0)
            return PACKET;
    return NULL;
}

size_t
func_refused_count(void)
{
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(REFUSED); i++)
        for (const char *p = REFUSED[i].names; *p != '\0'; p += name_len(p), p += *p == ' ')
            n++;
    return n;
}

void
func_refused_name(size_t i, char out[64])
{
    out[0] = '\0';
    for (size_t r = 0; r < ARRAY_LEN(REFUSED); r++)
        for (const char *p = REFUSED[r].names; *p != '\0'; p += name_len(p), p += *p == ' ')
            if (i-- == 0) {
                size_t n = name_len(p) < 63 ? name_len(p) : 63;

                memcpy(out, p, n);
                out[n] = '\0';
                return;
            }
}

#pragma once

#include <string_view>

#include "agents/gateway/formats.h"

namespace podium::agents {

// Nothing that costs more than text and pictures is in it (sound, long-lived caches).
// The request fields of each format that a gateway lets through, as JSON. A rule is
//   "any"            whatever it is: nothing in it makes a provider act
//   "text", "value"  a string; a string, number or boolean
//   "values"         values, and lists of them
//   "positive"       a whole number from 0 up
//   "data"           a string that begins with "data:" (never a place to fetch from)
//   "drop"           taken out, and flagged
//   "false"          becomes false, and is flagged if it was not
//   "never"          refused unless null or false
//   "a|b|c"          one of these strings
//   "@name"          the rule `name` of the same format
//   {...}            an object with these members and no other
//   [rule]           a list
//   {"?": [rules]}   the first of them whose kind (text, list, object) is the value's
//   {"by": member, "else": name, "of": {name: rule}}   an object, by its text `member`
// null is allowed wherever something optional may stand. {"refuse": code, ...} inside an object
// or a "by" names the code for what is not listed there, in place of "field_not_allowed".
[[nodiscard]] std::string_view AllowlistJson(Format format);

}  // namespace podium::agents

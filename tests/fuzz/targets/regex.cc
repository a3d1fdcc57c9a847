// The pattern stands before the first line break, the text after it.
#include "expression/regex/regex.h"

#include "fuzz.h"

using stoker::expression::Regex;

STOKER_FUZZ_TARGET(regex) {
  const auto end = data.find('\n');
  const auto regex = Regex::compile(data.substr(0, end));
  if (!regex) return;
  // Linear, but with a factor of up to 5,000 instructions: a long text would only be slow.
  const auto text = end == std::string_view::npos ? std::string_view() : data.substr(end + 1, 500);
  const auto groups = regex->search(text);
  STOKER_FUZZ_CHECK(groups.has_value() == regex->found_in(text));
  if (!groups) return;
  STOKER_FUZZ_CHECK(groups->size() == regex->group_count() + 1);
  for (const auto& group : *groups) {
    if (group)
      STOKER_FUZZ_CHECK(group->data() >= text.data() && group->data() + group->size() <= text.data() + text.size());
  }
}

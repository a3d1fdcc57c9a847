// Any text as a template, and any JSON as a value of templates.
#include "expression/template.h"

#include "expression/json_scope.h"
#include "fuzz.h"

using namespace stoker;
using namespace stoker::expression;

STOKER_FUZZ_TARGET(template) {
  const JsonScope scope(json::object{});
  const Limits limits{.steps = 5'000, .bytes = 256 * 1024};
  const auto parsed = Template::read(data);
  if (const auto* text = std::get_if<Template>(&parsed)) {
    for (const auto& reference : text->references())
      STOKER_FUZZ_CHECK(reference.offset < data.size());
    if (text->is_literal()) STOKER_FUZZ_CHECK(text->literal().size() <= data.size());
    (void)text->evaluate(scope, limits);
  } else {
    STOKER_FUZZ_CHECK(std::get<Problem>(parsed).offset <= data.size());
  }
  const auto value = codec::parse_json(data);
  if (!value) return;
  std::vector<LocatedProblem> problems;
  const auto compiled = CompiledValue::compile(*value, problems);
  const auto result = compiled.evaluate(scope, limits);
  if (compiled.is_constant()) STOKER_FUZZ_CHECK(result.ok());
}

#include <fmt/format.h>

#include "codec/position.h"
#include "expression/template.h"

namespace stoker::expression {

std::string append_pointer(std::string_view pointer, std::string_view key) {
  return std::string(pointer) + "/" + codec::escape_pointer(key);
}

CompiledValue CompiledValue::of(Form form) {
  CompiledValue result;
  result.form_ = std::move(form);
  return result;
}

CompiledValue CompiledValue::compile(const json::value& value, std::vector<LocatedProblem>& problems,
                                     std::string_view pointer) {
  if (const auto* text = value.if_string()) {
    auto parsed = Template::read(*text);
    if (auto* wrong = std::get_if<Problem>(&parsed)) {
      problems.push_back({std::string(pointer), std::move(*wrong)});
      return CompiledValue(value);
    }
    auto& compiled = std::get<Template>(parsed);
    if (compiled.is_literal()) return CompiledValue(json::value(compiled.literal()));
    return of(Form(std::in_place_type<Template>, std::move(compiled)));
  }
  bool constant = true;
  if (const auto* list = value.if_array()) {
    List items;
    json::array constants;
    for (std::size_t i = 0; i < list->size(); ++i) {
      items.push_back(compile((*list)[i], problems, append_pointer(pointer, std::to_string(i))));
      constant = constant && items.back().is_constant();
    }
    if (!constant) return of(Form(std::in_place_type<List>, std::move(items)));
    for (auto& item : items)
      constants.push_back(std::get<json::value>(std::move(item.form_)));
    return CompiledValue(json::value(std::move(constants)));
  }
  if (const auto* map = value.if_object()) {
    Map members;
    json::object constants;
    for (const auto& member : *map) {
      members.keys.emplace_back(member.key());
      members.values.push_back(compile(member.value(), problems, append_pointer(pointer, member.key())));
      constant = constant && members.values.back().is_constant();
    }
    if (!constant) return of(Form(std::in_place_type<Map>, std::move(members)));
    for (std::size_t i = 0; i < members.keys.size(); ++i) {
      constants.emplace(members.keys[i], std::get<json::value>(std::move(members.values[i].form_)));
    }
    return CompiledValue(json::value(std::move(constants)));
  }
  return CompiledValue(value);
}

Result<CompiledValue> CompiledValue::parse(const json::value& value) {
  std::vector<LocatedProblem> problems;
  auto compiled = compile(value, problems);
  if (problems.empty()) return compiled;
  const auto& first = problems[0];
  auto error = first.problem.error;
  return std::move(error).with_context(first.pointer.empty() ? "text" : first.pointer);
}

std::vector<LocatedReference> CompiledValue::references(std::string_view pointer) const {
  std::vector<LocatedReference> all;
  for_each_template(
      [&](const std::string& where, const Template& text) {
        for (auto& reference : text.references())
          all.push_back({where, std::move(reference)});
      },
      std::string(pointer));
  return all;
}

Result<json::value> CompiledValue::evaluate(const Scope& scope, const Limits& limits) const {
  if (const auto* constant = std::get_if<json::value>(&form_)) return *constant;
  if (const auto* text = std::get_if<Template>(&form_)) return text->evaluate(scope, limits);
  if (const auto* list = std::get_if<List>(&form_)) {
    json::array out;
    out.reserve(list->size());
    for (std::size_t i = 0; i < list->size(); ++i) {
      auto item = (*list)[i].evaluate(scope, limits);
      if (!item) return std::move(item).error().with_context(fmt::format("item {}", i));
      out.push_back(std::move(*item));
    }
    return json::value(std::move(out));
  }
  json::object out;
  const auto& map = std::get<Map>(form_);
  for (std::size_t i = 0; i < map.keys.size(); ++i) {
    auto value = map.values[i].evaluate(scope, limits);
    if (!value) return std::move(value).error().with_context(map.keys[i]);
    out.emplace(map.keys[i], std::move(*value));
  }
  return json::value(std::move(out));
}

}  // namespace stoker::expression

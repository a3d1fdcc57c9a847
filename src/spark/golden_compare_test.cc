#include "spark/golden_compare.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <regex>
#include <set>

#include "base/strings.h"
#include "spark/java/properties.h"
#include "spark/test_support.h"

namespace stoker::spark::testing {

namespace {

enum class How {
  unordered,   // a list, compared by the name of its elements
  properties,  // a text, compared as properties
  sorted,      // the value of a variable: parts between commas
  replaced,    // what a pattern finds in any text that has the words of `where`
  no_members,  // as if it were not there
  left_out,
};

// All that may differ between two submissions of the same thing.
struct Normalisation {
  How how;
  std::string_view where;   // the key, the variable or the words
  const char* what;         // the name of an element, or a pattern
  const char* replacement;  // of the pattern
  std::string_view reason;
};

const std::array kNormalisations = {
    Normalisation{How::unordered, "env", "name", "", "variables from spark.kubernetes.driverEnv. come in hash order"},
    Normalisation{How::unordered, "volumes", "name", "", "volumes from the configuration come in hash order"},
    Normalisation{How::unordered, "volumeMounts", "mountPath", "", "as their volumes"},
    Normalisation{How::unordered, "items", "key", "", "files of a folder come in the order of its file system"},
    Normalisation{How::properties, "spark.properties", "", "", "they come in hash order, and a comment has the time"},
    Normalisation{How::sorted, "SPARK_LOCAL_DIRS", "", "", "several local folders are shuffled since Spark 3.4"},
    Normalisation{How::replaced, "spark-local-dir-", "^spark-local-dir-[0-9]+$", "spark-local-dir", "likewise"},
    Normalisation{How::replaced, "-driver-pvc-", "-driver-pvc-[0-9]+$", "-driver-pvc",
                  "claims are counted in the order of a hash"},
    Normalisation{How::replaced, "/spark-upload-", "/spark-upload-[0-9a-f-]+/", "/spark-upload/",
                  "Spark draws a folder for each file; ours is named by the content"},
    Normalisation{How::no_members, "labels", "", "", "the client of Spark 3.3 writes maps without members"},
    Normalisation{How::no_members, "annotations", "", "", "as labels"},
    Normalisation{How::no_members, "nodeSelector", "", "", "as labels"},
    Normalisation{How::left_out, "ownerReferences", "", "", "the owner is known only when the pod is there"},
};

const Normalisation* find_normalisation(How how, std::string_view where) {
  for (const Normalisation& row : kNormalisations)
    if (row.how == how && row.where == where) return &row;
  return nullptr;
}

std::string sorted_list(std::string_view text) {
  std::vector<std::string> parts = split(text, ',');
  std::ranges::sort(parts);
  return join(parts, ",");
}

void compare_values(const std::string& pointer, const json::value* theirs, const json::value* ours,
                    std::vector<Difference>& found);

void report(const std::string& pointer, const json::value* theirs, const json::value* ours,
            std::vector<Difference>& found) {
  found.push_back(
      {pointer, theirs == nullptr ? "" : codec::write_json(*theirs), ours == nullptr ? "" : codec::write_json(*ours)});
}

json::value properties_of(std::string_view text) {
  json::object properties;
  const auto read = read_java_properties(text);
  if (!read) return json::value(text);
  for (const Property& property : *read)
    properties[property.key] = property.value;
  return properties;
}

// Elements by their name; of one name that stands twice the second is `name#2`, and so on.
std::map<std::string, const json::value*> by_name(const json::array& list, std::string_view by) {
  std::map<std::string, const json::value*> elements;
  for (const json::value& element : list) {
    const json::value* name = element.is_object() ? element.get_object().if_contains(by) : nullptr;
    const std::string key = name != nullptr ? codec::write_json(*name) : codec::write_json(element);
    int copy = 1;
    while (!elements.try_emplace(copy == 1 ? key : fmt::format("{}#{}", key, copy), &element).second)
      ++copy;
  }
  return elements;
}

void compare_lists(const std::string& pointer, std::string_view key, const json::array& theirs, const json::array& ours,
                   std::vector<Difference>& found) {
  if (const Normalisation* row = find_normalisation(How::unordered, key)) {
    const auto left = by_name(theirs, row->what);
    const auto right = by_name(ours, row->what);
    for (const auto& [name, element] : left)
      compare_values(fmt::format("{}/{}", pointer, name), element, right.contains(name) ? right.at(name) : nullptr,
                     found);
    for (const auto& [name, element] : right)
      if (!left.contains(name)) report(fmt::format("{}/{}", pointer, name), nullptr, element, found);
    return;
  }
  for (std::size_t i = 0; i < std::max(theirs.size(), ours.size()); ++i)
    compare_values(fmt::format("{}/{}", pointer, i), i < theirs.size() ? &theirs[i] : nullptr,
                   i < ours.size() ? &ours[i] : nullptr, found);
}

void compare_members(const std::string& pointer, const json::object& theirs, const json::object& ours,
                     std::vector<Difference>& found) {
  for (const auto& member : theirs)
    compare_values(fmt::format("{}/{}", pointer, std::string_view(member.key())), &member.value(),
                   ours.if_contains(member.key()), found);
  for (const auto& member : ours)
    if (!theirs.contains(member.key()))
      report(fmt::format("{}/{}", pointer, std::string_view(member.key())), nullptr, &member.value(), found);
}

void compare_values(const std::string& pointer, const json::value* theirs, const json::value* ours,
                    std::vector<Difference>& found) {
  if (theirs == nullptr || ours == nullptr) return report(pointer, theirs, ours, found);
  if (*theirs == *ours) return;
  const std::string_view key = std::string_view(pointer).substr(pointer.rfind('/') + 1);
  if (theirs->is_object() && ours->is_object())
    return compare_members(pointer, theirs->get_object(), ours->get_object(), found);
  if (theirs->is_array() && ours->is_array())
    return compare_lists(pointer, key, theirs->get_array(), ours->get_array(), found);
  report(pointer, theirs, ours, found);
}

json::value normalised(const json::value& value) {
  if (value.is_array()) {
    json::array list;
    for (const json::value& element : value.get_array())
      list.push_back(normalised(element));
    return list;
  }
  if (value.is_string()) return json::value(without_drawn(value.get_string()));
  if (!value.is_object()) return value;
  json::object object = value.get_object();
  const json::value* name = object.if_contains("name");
  if (name != nullptr && name->is_string() && find_normalisation(How::sorted, name->get_string()) != nullptr &&
      object.contains("value") && object.at("value").is_string())
    object["value"] = sorted_list(object.at("value").get_string());
  json::object kept;
  for (const auto& member : object) {
    const std::string_view key = member.key();
    const bool is_empty = member.value().is_object() && member.value().get_object().empty();
    if (is_empty && find_normalisation(How::no_members, key) != nullptr) continue;
    if (find_normalisation(How::left_out, key) != nullptr) continue;
    const bool is_properties = member.value().is_string() && find_normalisation(How::properties, key) != nullptr;
    kept[member.key()] =
        normalised(is_properties ? properties_of(member.value().get_string()) : json::value(member.value()));
  }
  return kept;
}

}  // namespace

std::string without_drawn(std::string_view text) {
  std::string plain(text);
  for (const Normalisation& row : kNormalisations)
    if (row.how == How::replaced && plain.find(row.where) != std::string::npos)
      plain = std::regex_replace(plain, std::regex(row.what), row.replacement);
  return plain;
}

std::vector<Difference> compare_objects(const json::object& theirs, const json::object& ours) {
  std::vector<Difference> found;
  compare_members("", normalised(theirs).get_object(), normalised(ours).get_object(), found);
  return found;
}

std::string describe(const std::vector<Difference>& differences) {
  std::string text;
  for (const Difference& difference : differences)
    text += fmt::format("  {}: spark-submit {} | stoker {}\n", difference.pointer,
                        difference.theirs.empty() ? "nothing" : difference.theirs,
                        difference.ours.empty() ? "nothing" : difference.ours);
  return text;
}

namespace {

// Calls `visit` with every place below `value`, so that it can change it and put it back.
template <class Visit>
void each_place(json::value& value, const Visit& visit) {
  if (value.is_object())
    for (auto& member : value.get_object())
      each_place(member.value(), visit);
  if (value.is_array())
    for (json::value& element : value.get_array())
      each_place(element, visit);
  visit(value);
}

bool is_reported(const json::object& theirs, const json::value& changed) {
  std::vector<Difference> found;
  compare_members("", theirs, changed.get_object(), found);
  return !found.empty();
}

// Changes one value after another of what the real one sent: each must be seen.
void expect_every_change_is_seen(const json::object& object) {
  json::value copy = object;
  each_place(copy, [&](json::value& place) {
    if (&place == &copy) return;
    const json::value kept = place;
    place = "changed";
    EXPECT_TRUE(is_reported(object, copy)) << codec::write_json(kept) << " changed";
    place = kept;
  });
  each_place(copy, [&](json::value& place) {
    if (place.is_object()) {
      json::object& members = place.get_object();
      members["added"] = 1;
      EXPECT_TRUE(is_reported(object, copy)) << "added to " << codec::write_json(place);
      members.erase("added");
      for (const auto& member : json::object(members)) {
        members.erase(member.key());
        EXPECT_TRUE(is_reported(object, copy)) << std::string_view(member.key()) << " removed";
        members[member.key()] = member.value();
      }
    }
    if (place.is_array()) {
      json::array& elements = place.get_array();
      elements.emplace_back("added");
      EXPECT_TRUE(is_reported(object, copy)) << "added to " << codec::write_json(place);
      elements.pop_back();
      if (elements.empty()) return;
      const json::value last = elements.back();
      elements.pop_back();
      EXPECT_TRUE(is_reported(object, copy)) << codec::write_json(last) << " removed";
      elements.push_back(last);
    }
  });
}

// A body without its ids: those of the same case in another run are the same.
std::string shape_of(const json::object& body) {
  static const std::regex kDrawn("[0-9a-f]{8,}(-[0-9a-f]{4,})*");
  return std::regex_replace(codec::write_json(body), kDrawn, "id");
}

TEST(GoldenComparison, SeesEveryChange) {
  std::set<std::string> seen;
  const std::vector<GoldenFile> files = golden_files();
  for (const GoldenFile& file : files)
    for (const json::object& golden : file.cases)
      for (const json::value& object : golden.at("objects").as_array()) {
        const json::object body = normalised(object).as_object();
        EXPECT_FALSE(is_reported(body, body));
        if (seen.insert(shape_of(body)).second) expect_every_change_is_seen(body);
      }
  EXPECT_GT(seen.size(), 400U);
}

TEST(GoldenComparison, SeesEveryPropertyAndLeavesTheirOrder) {
  const auto text = [](std::string_view properties) {
    return json::object{{"data", {{"spark.properties", properties}}}};
  };
  EXPECT_TRUE(compare_objects(text("#one\na=1\nb=2\n"), text("#two\nb=2\na=1\n")).empty());
  EXPECT_EQ(describe(compare_objects(text("a=1\nb=2\n"), text("a=1\nb=3\nc=4\n"))),
            "  /data/spark.properties/b: spark-submit \"2\" | stoker \"3\"\n"
            "  /data/spark.properties/c: spark-submit nothing | stoker \"4\"\n");
}

}  // namespace
}  // namespace stoker::spark::testing

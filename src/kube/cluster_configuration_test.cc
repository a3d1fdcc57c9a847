// What kubeconfig files come to: tests/data/kube/kubeconfig-cases.yaml.
#include "kube/cluster_configuration.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <yaml_data.h>

#include <algorithm>
#include <cctype>
#include <fstream>

#include "base/strings.h"
#include "runtime/file.h"

namespace stoker::kube {
namespace {

std::string placed(std::string text, const std::string& folder) {
  constexpr std::string_view kMark = "${FOLDER}";
  for (std::size_t at = 0; (at = text.find(kMark, at)) != std::string::npos; at += folder.size())
    text.replace(at, kMark.size(), folder);
  return text;
}

std::string shown(const std::optional<ExecPlugin>& plugin) {
  if (!plugin) return "";
  std::string text = plugin->command + " " + join(plugin->arguments, " ");
  for (const auto& [name, value] : plugin->environment)
    text += fmt::format(" {}={}", name, value);
  return text + (plugin->wants_cluster ? " cluster" : "");
}

std::string shown(const Impersonation& as) {
  std::string text = fmt::format("{} {} {}", as.user, as.uid, join(as.groups, ","));
  for (const auto& [key, values] : as.extra)
    text += fmt::format(" {}={}", key, join(values, ","));
  return text;
}

json::object shown(const ClusterConfiguration& configuration) {
  const Credentials& credentials = configuration.credentials;
  return {{"server", configuration.server},
          {"namespace", configuration.namespace_name},
          {"authority", configuration.certificate_authority_pem},
          {"tls_server_name", configuration.tls_server_name},
          {"proxy", configuration.proxy_url},
          {"insecure", configuration.insecure},
          {"token", credentials.token},
          {"token_file", credentials.token_file},
          {"certificate", credentials.client_certificate_pem},
          {"key", credentials.client_key_pem},
          {"user", credentials.user},
          {"password", credentials.password},
          {"exec", shown(credentials.exec)},
          {"impersonation", shown(configuration.impersonation)}};
}

class ClusterConfigurationCases : public ::testing::TestWithParam<json::object> {};

TEST_P(ClusterConfigurationCases, ComeToWhatTheySay) {
  const json::object& row = GetParam();
  const auto folder = runtime::TemporaryDirectory::make("kubeconfig");
  ASSERT_TRUE(folder.ok());
  const std::string place = folder->path().string();
  for (const auto& [name, content] : row.at("files").as_object())
    std::ofstream(folder->path() / std::string(name)) << std::string_view(content.as_string());
  const json::value* listed = row.if_contains("kubeconfig");
  ConfigurationRequest request;
  if (const json::value* context = row.if_contains("context")) request.context = std::string(context->as_string());
  const auto found = load_kubeconfig(
      request, {{"KUBECONFIG", placed(listed != nullptr ? std::string(listed->as_string()) : "${FOLDER}/a", place)}});
  if (const json::value* error = row.if_contains("error")) {
    ASSERT_FALSE(found.ok());
    EXPECT_NE(found.error().describe().find(error->as_string()), std::string::npos) << found.error().describe();
    const json::value* hint = row.if_contains("hint");
    EXPECT_NE(found.error().hint.find(hint != nullptr ? std::string_view(hint->as_string()) : ""), std::string::npos)
        << found.error().hint;
    return;
  }
  ASSERT_TRUE(found.ok()) << found.error().describe();
  const json::object all = shown(*found);
  for (const auto& [name, value] : row.at("is").as_object())
    EXPECT_EQ(codec::write_json(all.at(name)), placed(codec::write_json(value), place)) << std::string_view(name);
}

std::string test_name(const ::testing::TestParamInfo<json::object>& info) {
  std::string name(info.param.at("name").as_string());
  std::ranges::replace_if(name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Rows, ClusterConfigurationCases,
                         ::testing::ValuesIn(test_data::rows_of_file(STOKER_TEST_DATA "/kube/kubeconfig-cases.yaml")),
                         test_name);

class InCluster : public ::testing::Test {
 protected:
  InCluster() : folder_(runtime::TemporaryDirectory::make("account").value()) {}
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(folder_.path() / name) << content;
  }
  auto load(const std::string& host) const {
    return load_in_cluster({{"KUBERNETES_SERVICE_HOST", host}, {"KUBERNETES_SERVICE_PORT", "443"}},
                           folder_.path().string());
  }
  runtime::TemporaryDirectory folder_;
};

TEST_F(InCluster, IsWhatTheServiceAccountSays) {
  write("token", "t");
  write("ca.crt", "authority");
  write("namespace", "team\n");
  const ClusterConfiguration found = load("10.0.0.1").value().value();
  EXPECT_EQ(found.server, "https://10.0.0.1:443");
  EXPECT_EQ(found.namespace_name, "team");
  EXPECT_EQ(found.certificate_authority_pem, "authority");
  EXPECT_EQ(found.credentials.token_file, (folder_.path() / "token").string());
  EXPECT_EQ(load("fd00::1").value().value().server, "https://[fd00::1]:443");
}

TEST_F(InCluster, IsNothingElsewhere) {
  EXPECT_FALSE(load("10.0.0.1").value().has_value());
  write("token", "t");
  EXPECT_FALSE(load("").value().has_value());
  EXPECT_FALSE(load("10.0.0.1").ok());  // without an authority whom to trust is not known
}

}  // namespace
}  // namespace stoker::kube

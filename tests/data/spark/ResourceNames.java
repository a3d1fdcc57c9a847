// Makes resource-names.json: what KubernetesConf of a real Spark makes of application names. Of a prefix, which ends with 16
// hex digits drawn anew each time, what stands before them.
//   java -cp "$(python -c 'import pyspark; print(pyspark.__path__[0])')/jars/*" tests/data/spark/ResourceNames.java > tests/data/spark/resource-names.json
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.spark.deploy.k8s.KubernetesConf$;

public class ResourceNames {
  static final String[] NAMES = {
    "org.example.Pi", "main.py", "--__--7x", "2026 report", "  My Job!! (v2.0) -- Café_nightly  ", "日本語", "", " ", "-", "---", "a", "A", "a-", "-a-", "a--b", "a_b", "a b", "a\tb\nc", "9", "99", "-9",
    "x".repeat(62), "x".repeat(63), "x".repeat(64), "x".repeat(62) + "-y", "x".repeat(62) + "--y", "-" + "x".repeat(70), "x".repeat(253), "monthly-revenue-forecast-".repeat(5) + "end", "İstanbul", "ẞtraße",
    "a.b.c", "a..b", "\u00a0a\u00a0", "\u2003a", "\u0000a\u001f", "😀job😀", "job😀", "UPPER-case_Mixed.99", "K", "0-0", "1a", "é9", "9é",
  };
  static final String[] PIECES = {"a", "B", "7", "-", "_", ".", " ", "é", "日", "xyz", "--"};

  static String quoted(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\') out.append('\\').append(c);
      else if (c < 0x20 || c > 0x7e) out.append(String.format("\\u%04x", (int) c));
      else out.append(c);
    }
    return out.append('"').toString();
  }

  static String row(String name) {
    String prefix = KubernetesConf$.MODULE$.getResourceNamePrefix(name);
    return "{\"name\": " + quoted(name) + ", \"label\": " + quoted(KubernetesConf$.MODULE$.getAppNameLabel(name)) + ", \"stem\": "
        + quoted(prefix.substring(0, prefix.length() - 16)) + "}";
  }

  public static void main(String[] arguments) {
    List<String> rows = new ArrayList<>();
    for (String name : NAMES) rows.add(row(name));
    Random random = new Random(1);
    for (int i = 0; i < 150; i++) {
      StringBuilder name = new StringBuilder();
      for (int n = random.nextInt(12); n >= 0; n--) name.append(PIECES[random.nextInt(PIECES.length)]);
      rows.add(row(name.toString()));
    }
    System.out.println("[\n" + String.join(",\n", rows) + "\n]");
  }
}

package dev.postrider.docs;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** What the documentation names is there: files, settings, meters, calls, goals and profiles. */
class NamesTest {

    private static final Set<String> PHASES = Set.of("clean", "test", "package", "verify");

    @TestFactory
    Stream<DynamicTest> everyPageNamesWhatIsThere() throws Exception {
        List<Path> pages =
                new ArrayList<>(List.of(Path.of("README.md"), Path.of("CONTRIBUTING.md"), Path.of("CHANGELOG.md")));
        try (Stream<Path> docs = Files.walk(Path.of("docs"))) {
            docs.filter(path -> path.toString().endsWith(".md")).forEach(pages::add);
        }
        return pages.stream()
                .map(page -> DynamicTest.dynamicTest(page.toString(), () -> {
                    String text = Files.readString(page);
                    files(page, text);
                    settingsAndMeters(text);
                    calls(text);
                    maven(text);
                }));
    }

    private static void files(Path page, String text) {
        for (MatchResult link : all("]\\((?!http)([^)#]+)", text)) {
            assertThat(page.resolveSibling(link.group(1)))
                    .as("a link of " + page)
                    .exists();
        }
        String code = "`((?:routes|db|docs|src|\\.ci)/[\\w./-]*)`";
        for (MatchResult name : all(code, text)) {
            assertThat(Path.of(name.group(1))).as("named in " + page).exists();
        }
        for (MatchResult name : all("(?:(?<=-Dtest=)|`)([A-Z]\\w+Test)`", text)) {
            assertThat(testClasses()).contains(name.group(1));
        }
    }

    private static void settingsAndMeters(String text) throws IOException {
        Set<String> known = new HashSet<>();
        JsonNode metadata = new ObjectMapper()
                .readTree(Path.of("target/classes/META-INF/spring-configuration-metadata.json")
                        .toFile());
        metadata.path("properties").forEach(one -> known.add(one.path("name").asText()));
        Set<String> variables = new HashSet<>();
        known.forEach(
                name -> variables.add(name.replace('.', '_').replace('-', '_').toUpperCase(Locale.ROOT)));
        Pages.rows("docs/reference/metrics.md").forEach(row -> known.add(Pages.name(row.get(0))));
        // What SQL has is called postrider.name as well.
        try (Stream<Path> migrations = Files.list(Path.of("db/migration"))) {
            for (Path file : migrations.toList()) {
                all("(?:function|table|view) (postrider\\.\\w+)", Files.readString(file))
                        .forEach(name -> known.add(name.group(1)));
            }
        }
        for (MatchResult name : all("`(postrider\\.[a-z_.-]+)", text)) {
            assertThat(known).contains(name.group(1));
        }
        for (MatchResult name : all("\\b(POSTRIDER_[A-Z_]+)", text)) {
            assertThat(variables).contains(name.group(1));
        }
    }

    private static void calls(String text) throws IOException {
        JsonNode paths = new YAMLMapper()
                .readTree(Path.of("src/main/resources/openapi.yaml").toFile())
                .path("paths");
        for (MatchResult call : all("`(GET|POST|PATCH|DELETE) /v1(/[^`?]+)", text)) {
            assertThat(paths.path(call.group(2)).has(call.group(1).toLowerCase(Locale.ROOT)))
                    .as(call.group())
                    .isTrue();
        }
    }

    private static void maven(String text) throws Exception {
        Document pom = DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(Path.of("pom.xml").toFile());
        List<String> plugins = texts(pom, "plugin", "artifactId");
        List<String> profiles = texts(pom, "profile", "id");
        for (MatchResult command : all("\\bmvn ([^`\\n]+)", text)) {
            for (String word : command.group(1).strip().split(" +")) {
                if (word.startsWith("-P")) {
                    assertThat(profiles).contains(word.substring(2));
                } else if (word.startsWith("-")) {
                    continue;
                } else if (word.contains(":")) {
                    assertThat(plugins).contains(word.substring(0, word.indexOf(':')) + "-maven-plugin");
                } else {
                    assertThat(PHASES).contains(word);
                }
            }
        }
        for (MatchResult jar : all("target/([\\w.-]+)\\.jar", text)) {
            assertThat(texts(pom, "build", "finalName")).contains(jar.group(1));
        }
    }

    private static List<String> texts(Document pom, String element, String child) {
        List<String> texts = new ArrayList<>();
        NodeList elements = pom.getElementsByTagName(element);
        for (int i = 0; i < elements.getLength(); i++) {
            NodeList children = ((Element) elements.item(i)).getElementsByTagName(child);
            if (children.getLength() > 0) {
                texts.add(children.item(0).getTextContent().strip());
            }
        }
        return texts;
    }

    private static Set<String> testClasses() {
        try (Stream<Path> sources = Files.walk(Path.of("src/test/java"))) {
            Set<String> names = new HashSet<>();
            sources.forEach(path -> names.add(path.getFileName().toString().replace(".java", "")));
            return names;
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static List<MatchResult> all(String pattern, String text) {
        return Pattern.compile(pattern).matcher(text).results().toList();
    }
}

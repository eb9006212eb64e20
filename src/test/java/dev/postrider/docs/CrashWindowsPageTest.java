package dev.postrider.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;

/** {@code docs/decisions/crash-windows.md} names tests that there are, at least one in each row. */
class CrashWindowsPageTest {

    private static final String PAGE = "docs/decisions/crash-windows.md";
    private static final Path SOURCES = Path.of("src/test/java");
    private static final Pattern NAMED = Pattern.compile("`(\\w+Test)\\.(\\w+)`");

    @TestFactory
    Stream<DynamicTest> eachNamedTestIsThere() {
        List<MatchResult> named = NAMED.matcher(Pages.read(PAGE)).results().toList();
        assertThat(named).isNotEmpty();
        return named.stream()
                .map(test -> DynamicTest.dynamicTest(
                        test.group(), () -> assertThat(tests(test.group(1))).contains(test.group(2))));
    }

    @Test
    void eachWindowNamesATest() {
        List<String> windows = Pages.read(PAGE)
                .lines()
                .filter(line ->
                        line.startsWith("| ") && !line.startsWith("| The moment |") && !line.startsWith("| ---"))
                .toList();
        assertThat(windows).hasSize(16).allSatisfy(row -> assertThat(row).containsPattern(NAMED));
    }

    private static List<String> tests(String simpleName) throws IOException, ClassNotFoundException {
        try (Stream<Path> files = Files.walk(SOURCES)) {
            Path file = files.filter(path -> path.endsWith(simpleName + ".java"))
                    .findFirst()
                    .orElseThrow(() -> new AssertionError("No test class " + simpleName));
            String name = SOURCES.relativize(file).toString().replace('/', '.').replaceFirst("\\.java$", "");
            Class<?> type = Class.forName(name, false, CrashWindowsPageTest.class.getClassLoader());
            return Arrays.stream(type.getDeclaredMethods())
                    .filter(method -> method.isAnnotationPresent(Test.class)
                            || method.isAnnotationPresent(ParameterizedTest.class))
                    .map(Method::getName)
                    .toList();
        }
    }
}

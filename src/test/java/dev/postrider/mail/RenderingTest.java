package dev.postrider.mail;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigDecimal;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Templates show the data and nothing else, and end. */
class RenderingTest {

    private static final Map<String, Object> DATA = Map.of(
            "name",
            "Ada & <Bob>",
            "company",
            Map.of("city", "Köln"),
            "lines",
            List.of(Map.of("item", "pens", "price", new BigDecimal("1E+2")), Map.of("item", "ink", "price", 7)),
            "paid",
            true,
            "open",
            false,
            "empty",
            List.of());

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "Hello {{name}} | Hello Ada & <Bob>",
                "{{company.city}}{{#company}} {{city}}{{/company}} | Köln Köln",
                "{{#lines}}{{item}}: {{price}}; {{/lines}} | pens: 100; ink: 7;",
                "{{#paid}}paid{{/paid}}{{^paid}}open{{/paid}} | paid",
                "{{#open}}open{{/open}}{{#empty}}some{{/empty}}{{^empty}}none{{/empty}} | none",
                "{{#coupon}}with {{coupon}}{{/coupon}}{{^coupon}}without{{/coupon}} | without"
            })
    void variables_lists_and_conditions(String template, String expected) throws Exception {
        assertThat(render(template, false).strip()).isEqualTo(expected);
    }

    @Test
    void html_is_escaped_unless_the_template_says_otherwise() throws Exception {
        assertThat(render("{{name}} {{{name}}} {{&name}}", true))
                .isEqualTo("Ada &amp; &lt;Bob&gt; Ada & <Bob> Ada & <Bob>");
    }

    @Test
    void what_stands_for_a_variable_is_no_template_itself() throws Exception {
        assertThat(new Rendering("t").of("{{a}}", Map.of("a", "{{b}}", "b", "secret"), false))
                .isEqualTo("{{b}}");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{class}}",
                "{{name.class}}",
                "{{name.getClass}}",
                "{{name.bytes}}",
                "{{name.length}}",
                "{{name.hashCode}}",
                "{{lines.size}}",
                "{{lines.stream}}",
                "{{company.size}}",
                "{{company.entrySet}}",
                "{{entrySet}}",
                "{{#name}}{{class.classLoader}}{{/name}}",
                "{{#lines}}{{keySet}}{{/lines}}",
                "{{paid.booleanValue}}"
            })
    void neither_data_nor_template_reaches_what_java_objects_have(String template) {
        assertThatThrownBy(() -> render(template, false))
                .isInstanceOf(UnsendableMail.class)
                .hasMessageStartingWith("data: there is no value for '");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{{surname}} | data: there is no value for 'surname' of mail/t.text.mustache, line 1",
                "{{company.country}} | data: there is no value for 'company.country'",
                "{{nothing}} | data: there is no value for 'nothing'",
                "{{lines}} | data: mail/t.text.mustache shows an object or a list",
                "{{company}} | data: mail/t.text.mustache shows an object or a list",
                "{{>other}} | template: mail/t.text.mustache asks for another template",
                "{{>../application}} | template: mail/t.text.mustache asks for another template",
                "{{<parent}}{{/parent}} | template: mail/t.text.mustache asks for another template",
                "{{#name}} | template: mail/t.text.mustache cannot be read",
                "{{/name}} | template: mail/t.text.mustache cannot be read"
            })
    void what_is_missing_or_not_possible_is_an_error_that_says_what(String template, String reason) {
        assertThatThrownBy(() -> new Rendering("mail/t.text.mustache").of(template, withNull(), false))
                .isInstanceOf(UnsendableMail.class)
                .hasMessageStartingWith(reason);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{/a}}{{/a}}{{/a}}{{/a}}{{/a}}",
                "{{#a}}{{#a}}{{#a}}{{#a}}x{{/a}}{{/a}}{{/a}}{{/a}}",
                "{{#a}}{{#a}}{{long}}{{/a}}{{/a}}",
                "{{#a}}{{#a}}{{#a}}{{.}}{{/a}}{{/a}}{{/a}}"
            })
    void lists_in_lists_end(String template) {
        Map<String, Object> data = Map.of("a", Collections.nCopies(1_000, "x"), "long", "x".repeat(10_000));
        assertThatThrownBy(() -> new Rendering("t").of(template, data, true))
                .isInstanceOf(UnsendableMail.class)
                .hasMessageContaining("makes more than");
    }

    @Test
    void sections_in_sections_without_end_are_an_error() {
        int deep = 200_000;
        String template = "{{#paid}}".repeat(deep) + "{{/paid}}".repeat(deep);
        assertThatThrownBy(() -> render(template, false)).isInstanceOf(UnsendableMail.class);
    }

    private static Map<String, Object> withNull() {
        Map<String, Object> data = new HashMap<>(DATA);
        data.put("nothing", null);
        return data;
    }

    private static String render(String template, boolean html) throws UnsendableMail {
        return new Rendering("mail/t.text.mustache").of(template, DATA, html);
    }
}

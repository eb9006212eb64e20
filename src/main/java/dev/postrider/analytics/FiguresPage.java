package dev.postrider.analytics;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import org.springframework.core.io.ClassPathResource;
import org.springframework.util.PropertyPlaceholderHelper;
import org.springframework.web.util.HtmlUtils;

/** Writes the figures into HTML that every browser shows: {@code ${/tasks/all/accepted}} is where one of them goes. */
final class FiguresPage {

    private static final PropertyPlaceholderHelper PLACES = new PropertyPlaceholderHelper("${", "}");
    private static final String NONE = "–";

    private final String figures = template("figures.html");
    private final String failure = template("no-figures.html");

    /** @param json the figures, or {@code error} and why there are none */
    String of(JsonNode json) {
        String template = json.has("error") ? failure : figures;
        return PLACES.replacePlaceholders(
                template, place -> HtmlUtils.htmlEscape(shown(place, json.at(place)), "UTF-8"));
    }

    /** What a figure is, its name tells. */
    private static String shown(String place, JsonNode value) {
        if (value.isMissingNode()) {
            throw new IllegalStateException("The query does not answer " + place);
        }
        if (value.isNull()) {
            return NONE;
        }
        if (place.endsWith("Share")) {
            // Not rounded: 99.9999 % are not all.
            return value.decimalValue()
                            .multiply(BigDecimal.valueOf(100))
                            .stripTrailingZeros()
                            .toPlainString()
                    + " %";
        }
        if (place.endsWith("Milliseconds")) {
            return duration(value.asDouble());
        }
        return value.isNumber() ? String.format(Locale.ROOT, "%,d", value.asLong()) : value.asText();
    }

    private static String duration(double milliseconds) {
        if (milliseconds < 1_000) {
            return String.format(Locale.ROOT, "%.1f ms", milliseconds);
        }
        double seconds = milliseconds / 1_000;
        return seconds < 120
                ? String.format(Locale.ROOT, "%.1f s", seconds)
                : String.format(Locale.ROOT, "%,.1f min", seconds / 60);
    }

    private static String template(String name) {
        try {
            return new ClassPathResource(name, FiguresPage.class).getContentAsString(StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("The build lacks " + name, e);
        }
    }
}

package dev.postrider.mail;

import com.samskivert.mustache.BasicCollector;
import com.samskivert.mustache.Mustache;
import com.samskivert.mustache.MustacheException;
import com.samskivert.mustache.Template;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Renders a template with the data of a task. Both may come from outside: variables reach the entries of objects and lists and
 * nothing of Java, there are no partials, and lists in lists end at a bound.
 *
 * <p>Good for one template; it counts what that does.
 */
final class Rendering {

    /** Variables looked up and rounds of lists. */
    private static final int MOST_STEPS = 100_000;
    /** Characters. */
    private static final int LONGEST = 1_000_000;

    private final String name;
    private int steps;

    /** @param name for its errors */
    Rendering(String name) {
        this.name = name;
    }

    /**
     * @param html whether what variables stand for is escaped
     * @throws UnsendableMail if the template cannot be read, or a variable has no value
     */
    String of(String template, Map<?, ?> data, boolean html) throws UnsendableMail {
        Bounded out = new Bounded();
        try {
            Mustache.compiler()
                    .escapeHTML(html)
                    .withCollector(new Entries())
                    .withFormatter(this::format)
                    .compile(template)
                    .execute(data, out);
            return out.toString();
        } catch (MustacheException.Context e) {
            throw e.getCause() instanceof TooMuch
                    ? tooMuch()
                    : new UnsendableMail(
                            "data: there is no value for '%s' of %s, line %d".formatted(e.key, name, e.lineNo));
        } catch (TooMuch e) {
            throw tooMuch();
        } catch (NotText e) {
            throw new UnsendableMail("data: %s shows an object or a list as if it were a text".formatted(name));
        } catch (UnsupportedOperationException partial) {
            throw new UnsendableMail("template: %s asks for another template, which is not possible".formatted(name));
        } catch (RuntimeException broken) {
            throw new UnsendableMail("template: %s cannot be read: %s".formatted(name, broken.getMessage()));
        } catch (StackOverflowError deep) {
            throw new UnsendableMail("template: %s has sections in sections without end".formatted(name));
        }
    }

    private UnsendableMail tooMuch() {
        return new UnsendableMail("data: %s makes more than %d characters of it, or takes more than %d steps"
                .formatted(name, LONGEST, MOST_STEPS));
    }

    private void step() {
        if (++steps > MOST_STEPS || Thread.currentThread().isInterrupted()) {
            throw new TooMuch();
        }
    }

    /** As people write it: no exponents. */
    private CharSequence format(Object value) {
        if (value instanceof Map || value instanceof List) {
            throw new NotText();
        }
        return value instanceof BigDecimal number ? number.toPlainString() : String.valueOf(value);
    }

    /** The entries of objects and lists of JSON; unlike the library's own, nothing that Java objects have. */
    private final class Entries extends BasicCollector {

        @Override
        public Mustache.VariableFetcher createFetcher(Object context, String variable) {
            return (from, key) -> {
                step();
                if (from instanceof Map<?, ?> object && object.containsKey(key)) {
                    return object.get(key);
                }
                return Template.NO_FETCHER_FOUND;
            };
        }

        @Override
        public Iterator<?> toIterator(Object value) {
            Iterator<?> all = super.toIterator(value);
            return all == null
                    ? null
                    : new Iterator<Object>() {
                        @Override
                        public boolean hasNext() {
                            return all.hasNext();
                        }

                        @Override
                        public Object next() {
                            step();
                            return all.next();
                        }
                    };
        }

        @Override
        public <K, V> Map<K, V> createFetcherCache() {
            return new ConcurrentHashMap<>();
        }
    }

    private static final class Bounded extends StringWriter {

        @Override
        public void write(String text) {
            super.write(text);
            check();
        }

        private void check() {
            if (getBuffer().length() > LONGEST) {
                throw new TooMuch();
            }
        }
    }

    private static final class TooMuch extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private static final class NotText extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }
}

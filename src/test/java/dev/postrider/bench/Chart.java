package dev.postrider.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.DoubleStream;

/** Curves over a common axis, drawn as an SVG picture with axes, ticks and a legend. */
final class Chart {

    /** How an axis divides its length. */
    enum Scale {
        LINEAR,
        LOGARITHMIC
    }

    private record Line(String name, double[] x, double[] y) {}

    private record Axis(String label, Scale scale, double from, double to) {

        /** 0 to 1 along the axis. */
        double place(double value) {
            return scale == Scale.LINEAR
                    ? (value - from) / (to - from)
                    : Math.log(Math.max(value, from) / from) / Math.log(to / from);
        }

        List<Double> ticks() {
            List<Double> ticks = new ArrayList<>();
            if (scale == Scale.LOGARITHMIC) {
                for (double decade = from; decade <= to * 1.001; decade *= 10) {
                    for (int step : new int[] {1, 2, 5}) {
                        if (decade * step <= to * 1.001) {
                            ticks.add(decade * step);
                        }
                    }
                }
                return ticks;
            }
            double step = step(to - from);
            for (double tick = from; tick <= to + step / 1000; tick += step) {
                ticks.add(tick);
            }
            return ticks;
        }

        /** A round number that divides the length into four to ten parts. */
        static double step(double length) {
            double magnitude = Math.pow(10, Math.floor(Math.log10(length / 4)));
            double parts = length / 4 / magnitude;
            return magnitude * (parts >= 5 ? 5 : parts >= 2 ? 2 : 1);
        }
    }

    private static final int WIDTH = 860;
    private static final int HEIGHT = 440;
    private static final int LEFT = 80;
    private static final int RIGHT = 20;
    private static final int TOP = 50;
    private static final int BOTTOM = 60;
    private static final int LEGEND_LINE = 20;
    private static final String[] COLOURS = {
        "#0b62a4", "#d9480f", "#2b8a3e", "#862e9c", "#c2255c", "#495057", "#e8a400", "#0c8599"
    };

    private final String title;
    private final String xLabel;
    private final Scale xScale;
    private final String yLabel;
    private final Scale yScale;
    private final List<Line> lines = new ArrayList<>();

    Chart(String title, String xLabel, Scale xScale, String yLabel, Scale yScale) {
        this.title = title;
        this.xLabel = xLabel;
        this.xScale = xScale;
        this.yLabel = yLabel;
        this.yScale = yScale;
    }

    Chart(String title, String xLabel, String yLabel) {
        this(title, xLabel, Scale.LINEAR, yLabel, Scale.LINEAR);
    }

    /** The share of values, in percent, that are not greater than each of them, over a logarithmic axis. */
    static Chart distribution(String title, String xLabel) {
        return new Chart(title, xLabel, Scale.LOGARITHMIC, "share of tasks, %", Scale.LINEAR);
    }

    Chart line(String name, double[] x, double[] y) {
        lines.add(new Line(name, x, y));
        return this;
    }

    /** One curve of a {@link #distribution}. */
    Chart values(String name, double... values) {
        double[] sorted = Arrays.stream(values).sorted().toArray();
        double[] shares = new double[sorted.length];
        Arrays.setAll(shares, i -> 100.0 * (i + 1) / sorted.length);
        return line(name, sorted, shares);
    }

    String svg() {
        Axis x = axis(xLabel, xScale, lines.stream().flatMapToDouble(line -> Arrays.stream(line.x)));
        Axis y = axis(yLabel, yScale, lines.stream().flatMapToDouble(line -> Arrays.stream(line.y)));
        int height = HEIGHT + lines.size() * LEGEND_LINE;
        StringBuilder svg = new StringBuilder();
        add(svg, """
                <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %1$d %2$d" width="%1$d" height="%2$d" \
                font-family="sans-serif" font-size="13">
                <rect width="%1$d" height="%2$d" fill="white"/>
                <text x="%3$d" y="28" font-size="16" font-weight="bold">%4$s</text>
                """, WIDTH, height, LEFT, escaped(title));
        for (double tick : x.ticks()) {
            add(svg, """
                    <line x1="%1$.1f" y1="%2$d" x2="%1$.1f" y2="%3$d" stroke="#dee2e6"/>
                    <text x="%1$.1f" y="%4$d" text-anchor="middle">%5$s</text>
                    """, left(x, tick), TOP, HEIGHT - BOTTOM, HEIGHT - BOTTOM + 18, number(tick));
        }
        for (double tick : y.ticks()) {
            add(svg, """
                    <line x1="%1$d" y1="%2$.1f" x2="%3$d" y2="%2$.1f" stroke="#dee2e6"/>
                    <text x="%4$d" y="%5$.1f" text-anchor="end">%6$s</text>
                    """, LEFT, top(y, tick), WIDTH - RIGHT, LEFT - 8, top(y, tick) + 4, number(tick));
        }
        add(svg, """
                <rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#495057"/>
                """, LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
        int middle = (TOP + HEIGHT - BOTTOM) / 2;
        add(svg, """
                <text x="%d" y="%d" text-anchor="middle">%s</text>
                <text x="18" y="%5$d" text-anchor="middle" transform="rotate(-90 18 %5$d)">%4$s</text>
                """, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 18, escaped(xLabel), escaped(yLabel), middle);
        for (int i = 0; i < lines.size(); i++) {
            draw(svg, x, y, lines.get(i), COLOURS[i % COLOURS.length], HEIGHT + i * LEGEND_LINE);
        }
        return svg.append("</svg>\n").toString();
    }

    private static void draw(StringBuilder svg, Axis x, Axis y, Line line, String colour, int legend) {
        svg.append("<polyline fill=\"none\" stroke-width=\"2\" stroke=\"%s\" points=\"".formatted(colour));
        for (int i = 0; i < line.x.length; i++) {
            add(svg, "%.1f,%.1f ", left(x, line.x[i]), top(y, line.y[i]));
        }
        svg.append("\"/>\n");
        add(svg, """
                <line x1="%1$d" y1="%2$d" x2="%3$d" y2="%2$d" stroke-width="3" stroke="%4$s"/>
                <text x="%5$d" y="%6$d">%7$s</text>
                """, LEFT, legend, LEFT + 28, colour, LEFT + 38, legend + 5, escaped(line.name));
    }

    /** From zero, or from the power of ten below the smallest value, to a round number above the greatest. */
    private static Axis axis(String label, Scale scale, DoubleStream values) {
        double[] sorted = values.filter(Double::isFinite).sorted().toArray();
        double greatest = Math.max(sorted[sorted.length - 1], 1e-9);
        if (scale == Scale.LOGARITHMIC) {
            double from = Math.pow(10, Math.floor(Math.log10(Math.max(sorted[0], 1e-3))));
            double to = from;
            for (int i = 0; to < greatest || i < 2; i++) {
                to *= i % 3 == 1 ? 2.5 : 2;
            }
            return new Axis(label, scale, from, to);
        }
        double step = Axis.step(greatest);
        return new Axis(label, scale, 0, Math.ceil(greatest / step) * step);
    }

    private static double left(Axis x, double value) {
        return LEFT + x.place(value) * (WIDTH - LEFT - RIGHT);
    }

    private static double top(Axis y, double value) {
        return HEIGHT - BOTTOM - y.place(value) * (HEIGHT - TOP - BOTTOM);
    }

    private static String number(double value) {
        String text = String.format(Locale.ROOT, Math.abs(value) >= 10 ? "%,.0f" : "%.3f", value);
        return text.contains(".") ? text.replaceFirst("\\.?0+$", "") : text;
    }

    private static void add(StringBuilder svg, String format, Object... values) {
        svg.append(String.format(Locale.ROOT, format, values));
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}

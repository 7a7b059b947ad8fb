// A service that asks its flags with the Unleash SDK for the JVM: GET /checkout tells which checkout the caller gets.
package shop

import com.sun.net.httpserver.HttpExchange
import com.sun.net.httpserver.HttpServer
import io.getunleash.DefaultUnleash
import io.getunleash.Unleash
import io.getunleash.util.UnleashConfig
import java.net.InetSocketAddress
import java.util.UUID
import java.util.concurrent.Executors

fun main() {
    val callers = CallerContext()
    val unleash = DefaultUnleash(config(callers))
    val server = HttpServer.create(InetSocketAddress(System.getenv("PORT")?.toInt() ?: 8080), 0)
    server.executor = Executors.newFixedThreadPool(8)
    server.createContext("/checkout") { exchange ->
        exchange.answer(callers.during(Caller(exchange.requestHeaders)) { checkout(unleash) })
    }
    server.start()
    println("listening on http://localhost:${server.address.port}")
    Runtime.getRuntime().addShutdownHook(Thread {
        server.stop(1)
        unleash.shutdown() // sends what was counted since the last report
    })
}

/** Knows nothing of requests: the SDK asks [CallerContext] for whom it evaluates. */
fun checkout(unleash: Unleash): String {
    if (!unleash.isEnabled("new-checkout")) return "new-checkout is off"
    return "new-checkout is on, ${unleash.getVariant("new-checkout").name}"
}

fun config(callers: CallerContext): UnleashConfig {
    val builder = UnleashConfig.builder()
        .appName(System.getenv("UNLEASH_APP_NAME") ?: "shop-kotlin")
        .instanceId("${System.getenv("HOSTNAME") ?: "local"}-${UUID.randomUUID()}")
        .unleashAPI("${required("UNLEASH_URL").trimEnd('/')}/api")
        .apiKey(required("UNLEASH_API_TOKEN"))
        .unleashContextProvider(callers)
        .fetchTogglesInterval(seconds("UNLEASH_REFRESH_SECONDS", 15))
        .sendMetricsInterval(seconds("UNLEASH_METRICS_SECONDS", 60))
    // Pushed, unless UNLEASH_MODE says to poll. A stream that fails falls back to polling by itself.
    if (System.getenv("UNLEASH_MODE") != "polling") builder.experimentalStreamingMode()
    return builder.build()
}

fun seconds(name: String, default: Long): Long = System.getenv(name)?.toLong() ?: default

fun required(name: String): String = System.getenv(name) ?: error("set the environment variable $name")

fun HttpExchange.answer(text: String) = use {
    val body = "$text\n".toByteArray()
    sendResponseHeaders(200, body.size.toLong())
    responseBody.write(body)
}

fun HttpExchange.use(work: () -> Unit) = try { work() } finally { close() }

package shop

import com.sun.net.httpserver.Headers
import io.getunleash.UnleashContext
import io.getunleash.UnleashContextProvider

/** Who asks, as the gateway in front of this service has found out. All but [userId] are fields of our own. */
data class Caller(val userId: String?, val tenantId: String?, val role: String?, val plan: String?, val region: String?) {
    constructor(headers: Headers) : this(
        headers.getFirst("X-User-Id"),
        headers.getFirst("X-Tenant-Id"),
        headers.getFirst("X-Role"),
        headers.getFirst("X-Plan"),
        headers.getFirst("X-Region"),
    )

    /** What constraints, and the stickiness of rollouts, can name: `tenantId`, `role`, `plan`, `region`. */
    fun context(): UnleashContext {
        val builder = UnleashContext.builder()
        userId?.let(builder::userId)
        mapOf("tenantId" to tenantId, "role" to role, "plan" to plan, "region" to region)
            .forEach { (name, value) -> value?.let { builder.addProperty(name, it) } }
        return builder.build()
    }
}

/** Tells the SDK whose request the current thread serves, so that code deep inside asks `unleash.isEnabled("name")`. */
class CallerContext : UnleashContextProvider {
    private val current = ThreadLocal<UnleashContext>()

    fun <T> during(caller: Caller, work: () -> T): T {
        current.set(caller.context())
        try {
            return work()
        } finally {
            current.remove() // the thread serves somebody else next
        }
    }

    override fun getContext(): UnleashContext = current.get() ?: UnleashContext.builder().build()
}
